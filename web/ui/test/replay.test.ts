// The past of a job: causes, differences, and how it is played; on the histories of the releases.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CloudEvent, factOf } from "../src/api/types";
import { SILENCE } from "../src/job/heard";
import { causes, differences, extended, type Moment, textAt } from "../src/replay/history";
import { advance, wait } from "../src/replay/play";
import { saying } from "../src/replay/told";

const histories: Record<string, { event: CloudEvent }[]> = JSON.parse(
  readFileSync(new URL("views.json", import.meta.url), "utf8"),
);

/** The events of each job of each release. */
const pasts = Object.values(histories).flatMap((steps) => {
  const jobs = new Map<string, CloudEvent[]>();
  for (const { event } of steps) {
    if (!/^dev\.dalston\.(job|stage|segment|speaker|transcript)\./.test(event.type)) continue;
    jobs.set(event.subject ?? "", [...(jobs.get(event.subject ?? "") ?? []), event]);
  }
  return [...jobs.values()];
});

test("whatever an engine told has a cause, and none comes after what it caused", () => {
  for (const events of pasts) {
    causes(events).forEach((cause, i) => {
      const event = events[i] as CloudEvent;
      if (cause !== null) expect(cause).toBeLessThan(i);
      if (/^stage\.(started|progressed|completed|failed)$/.test(factOf(event)))
        expect(cause, `${event.seq} ${event.type}`).not.toBeNull();
    });
  }
});

test("a retry comes of its waiting, and that of the failure", () => {
  const failed = pasts.find((events) => events.some((one) => factOf(one) === "stage.failed"));
  const events = failed as CloudEvent[];
  const caused = causes(events);
  const waits = events.findIndex((one) => factOf(one) === "stage.retry_scheduled");
  expect(factOf(events[caused[waits] as number] as CloudEvent)).toBe("stage.failed");
  const again = caused.indexOf(waits);
  expect(factOf(events[again] as CloudEvent)).toBe("stage.ready");
});

test("a past is the same however its events come, and twice is once", () => {
  for (const events of pasts) {
    const whole = extended([], events);
    const parts = events.reduce((past, event) => extended(past, [event]), extended([], []));
    expect(parts).toEqual(whole);
    expect(extended(whole, events)).toBe(whole);
  }
});

test("a moment is not different from itself, and the first and last of a job are", () => {
  for (const events of pasts) {
    const past = extended([], events);
    const [first, last] = [past[0]?.job ?? null, past[past.length - 1]?.job ?? null];
    expect(differences(last, last)).toEqual([]);
    expect(differences(first, last).length).toBeGreaterThan(0);
  }
});

test("the words of a moment are those of the last event that gave any", () => {
  const event = (rev: number, type: string, data = {}) =>
    ({
      rev,
      seq: rev,
      time: "2026-01-01T00:00:00Z",
      type: `dev.dalston.${type}.v1`,
      data,
    }) as CloudEvent;
  const past = [
    event(1, "job.submitted"),
    event(2, "stage.completed", { stage: "prepare" }),
    event(3, "segment.finalized", {
      token: 1,
      first: 0,
      segments: [{ start: 0, end: 1, text: "a" }],
    }),
    event(4, "stage.completed", { stage: "transcribe" }),
    event(5, "stage.started", { stage: "merge" }),
  ].map((one): Moment => ({ event: one, job: null, heard: SILENCE }));
  expect([0, 1, 2, 3, 4].map((i) => textAt(past, i))).toEqual([0, 0, 0, 4, 4]);
});

describe("playing", () => {
  test("goes as fast as asked, and cuts waits short only when it may", () => {
    expect(wait(10_000, 10, false)).toBe(1000);
    expect(wait(10_000, 10, true)).toBe(800);
    expect(wait(-5, 10, false)).toBe(0);
  });

  test("reaches every event whose time has come, and keeps what is left of the step", () => {
    const times = [0, 100, 100, 5000];
    expect(advance(times, 0, 50, 1, false)).toEqual({ index: 0, left: 50 });
    expect(advance(times, 0, 120, 1, false)).toEqual({ index: 2, left: 20 });
    expect(advance(times, 0, 120, 100, false)).toEqual({ index: 3, left: 70 });
  });
});

test("an event of an engine says which replica it is, one of a stage says which stage", () => {
  const event = (type: string, data: object) =>
    ({ type: `dev.dalston.${type}.v1`, data }) as unknown as CloudEvent;
  const data = { engine: "pyannote", replica: "pyannote@a-0", stage: "diarize" };
  expect(saying(event("engine.registered", data))).toBe("pyannote@a-0");
  expect(saying(event("stage.failed", { ...data, reason: "no memory" }))).toBe(
    "diarize: no memory",
  );
});
