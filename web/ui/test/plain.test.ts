// What is pure: formats, the router's patterns, the filter, the wishes.

import { describe, expect, test, vi } from "vitest";

vi.stubGlobal("location", {
  pathname: "/",
  search: "",
  hash: "",
  origin: "http://here",
  href: "http://here/",
});
vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });

const { bytes, clock, lasting, plural } = await import("../src/lib/format");
const { matched } = await import("../src/lib/router");
const { initials } = await import("../src/lib/speakers");
const { asked, filterOf, fits, moment } = await import("../src/jobs/filter");
const { canDo } = await import("../src/jobs/offers");
const { areWishes, fieldsOf, NOTHING } = await import("../src/jobs/options");
const { address, problemOf } = await import("../src/api/client");

describe("formats", () => {
  test.each([
    [0, "0:00"],
    [59.9, "0:59"],
    [61, "1:01"],
    [3661, "1:01:01"],
    [undefined, "–"],
  ])("a place at %s is %s", (seconds, text) => expect(clock(seconds)).toBe(text));
  test.each([
    [0, "0 s"],
    [0.04, "40 ms"],
    [0.4, "0.4 s"],
    [9.97, "10 s"],
    [12, "12 s"],
    [59.6, "1 min"],
    [200, "3 min 20 s"],
    [3599.7, "1 h"],
    [7500, "2 h 5 min"],
    [90_000, "1 d 1 h"],
    [null, "–"],
  ])("%s seconds last %s", (seconds, text) => expect(lasting(seconds)).toBe(text));
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [12_345_678, "12 MB"],
    [999_999, "1.0 MB"],
  ])("%s bytes are %s", (count, text) => expect(bytes(count)).toBe(text));
  test("one is not many", () =>
    expect([plural(1, "job"), plural(2000, "job")]).toEqual(["1 job", "2,000 jobs"]));
  test.each([
    ["SPEAKER_01", "1"],
    ["Ada Lovelace", "AL"],
    ["ada", "A"],
    ["李雷", "李"],
    ["", ""],
  ])("the letters of %s are %s", (name, text) => expect(initials(name)).toBe(text));
});

describe("the router", () => {
  test.each([
    ["/", "/", {}],
    ["/jobs/:id", "/jobs/a%20b", { id: "a b" }],
    ["/jobs/:id", "/jobs", null],
    ["/jobs/:id", "/jobs/a/replay", null],
    ["/jobs/:id/replay", "/jobs/a/replay/", { id: "a" }],
    ["/analytics/:query?", "/analytics", {}],
    ["/analytics/:query?", "/analytics/rtf", { query: "rtf" }],
    ["/jobs/:id", "/jobs/%zz", { id: "%zz" }],
  ])("%s against %s", (pattern, path, params) => expect(matched(pattern, path)).toEqual(params));
});

describe("the filter", () => {
  const job = {
    erased: false,
    status: "running",
    filename: "Board Meeting.wav",
    submitted_at: "2026-01-01T00:00:00Z",
    stages: [{ name: "transcribe", engine: "whisperx", model: "base", left_out: "" }],
  } as never;
  const now = Date.parse("2026-01-02T00:00:00Z");
  const filter = (text: string) => filterOf(new URLSearchParams(text));
  test.each([
    ["", true],
    ["status=running", true],
    ["status=failed", false],
    ["q=board", true],
    ["q=bored", false],
    ["since=25h", true],
    ["since=23h", false],
    ["engine=whisperx", true],
    ["engine=merge", false],
    ["model=base&status=running", true],
    ["model=large", false],
    ["stage=transcribe&engine=whisperx", true],
    ["stage=align&engine=whisperx", false],
    ["until=2026-01-01T00:00:00Z", false],
    ["since=2026-01-01T00:00:00Z&until=2026-01-01T01:00:00Z", true],
  ])("%s: %s", (text, there) => expect(fits(job, filter(text), now)).toBe(there));
  test("only what is asked for is asked", () => {
    expect(asked(filter("status=failed&q=&page=3"))).toEqual({ status: "failed" });
    expect(moment("2w", 1_209_600_000)).toBe(0);
    expect(moment("2026-01-02T00:00:00Z", 0)).toBe(now);
    expect(moment("whenever", 0)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("the wishes", () => {
  test("cannot be met by an engine that is up without the model it needs", () => {
    const up = (more: object) =>
      [{ stage: "emotion", replicas: [more] }] as unknown as Parameters<typeof canDo>[0];
    expect(canDo(up({ needs_model: true, default_model: null }), "emotion")).toBe(false);
    expect(canDo(up({ needs_model: true, default_model: "m" }), "emotion")).toBe(true);
    expect(canDo(up({}), "emotion")).toBe(true);
    expect(canDo(up({}), "diarize")).toBe(false);
  });

  test("no wish is no field", () => expect(fieldsOf(NOTHING)).toEqual({}));
  test("each wish is its field", () => {
    const wishes = {
      ...NOTHING,
      language: "de",
      model: "whisperx|large-v3",
      speakers: true,
      many: "3",
      clean: true,
      mask: true,
      maskAudio: "beep" as const,
      channels: "separate" as const,
      words: " Ada ",
    };
    expect(fieldsOf(wishes)).toEqual({
      language: "de",
      model: "large-v3",
      engines: "transcribe=whisperx",
      diarize: "true",
      min_speakers: "3",
      max_speakers: "3",
      cleanup: "true",
      redact: "true",
      redact_audio: "beep",
      channels: "separate",
      hotwords: "Ada",
    });
  });
  test("how many speak is only asked of those who tell them apart", () => {
    expect(fieldsOf({ ...NOTHING, many: "3", maskAudio: "beep" })).toEqual({});
  });
  test("what an older page kept is not taken for wishes", () => {
    expect([
      areWishes(NOTHING),
      areWishes({ language: "de" }),
      areWishes(null),
      areWishes("x"),
    ]).toEqual([true, false, false, false]);
  });
});

describe("the client", () => {
  test("an address has its names filled in, escaped, and no empty parameters", () => {
    expect(
      address(
        "/v1/jobs/{id}/speakers/{s}",
        { id: "a", s: "a/b" },
        { q: "x y", none: "", no: null },
      ),
    ).toBe("/v1/jobs/a/speakers/a%2Fb?q=x+y");
  });
  test("an error is said in the server's words where it has some", () => {
    expect(problemOf(404, '{"detail":"No such job.","type":"t"}').message).toBe("No such job.");
    expect(problemOf(502, "<html>").message).toBe("The server answered 502.");
  });
});
