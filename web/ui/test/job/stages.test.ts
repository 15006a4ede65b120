import { describe, expect, it } from "vitest";
import type { EngineView, StageView } from "../../src/api/types";
import type { Job } from "../../src/fold";
import {
  attempt,
  doing,
  missingOf,
  restOf,
  restText,
  speed,
  spoken,
  troubles,
} from "../../src/job/stages";

const NOW = Date.parse("2026-01-01T00:01:00Z");
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

const stage = (name: string, more: Partial<StageView> = {}) =>
  ({
    name,
    engine: `${name}_engine`,
    status: "pending",
    token: 0,
    progress: 0,
    needs: [],
    owner: "",
    ready_at: null,
    started_at: null,
    ended_at: null,
    due_at: null,
    reason: "",
    model: null,
    wall_s: null,
    required: true,
    failed: 0,
    lost: 0,
    preempted: 0,
    warnings: [],
    audio_s: null,
    left_out: "",
    ...more,
  }) as unknown as StageView;
const job = (...stages: StageView[]) => ({ status: "running", stages }) as unknown as Job;
const words = (one: StageView, of: Job = job(one)) => {
  const { word, detail } = doing(one, of, NOW);
  return `${word} ${detail}`.trim();
};

describe("what a stage is doing", () => {
  it("says what it waits for", () => {
    const merge = stage("merge", { needs: ["prepare", "diarize"] });
    expect(
      words(merge, job(stage("prepare", { status: "completed" }), stage("diarize"), merge)),
    ).toBe("Not yet after speakers");
  });

  it("says for how long it waits, runs, and took", () => {
    expect(words(stage("align", { status: "ready", ready_at: at(-12) }))).toBe(
      "Waiting for its turn, 12 s",
    );
    expect(words(stage("align", { status: "running", progress: 0.42, started_at: at(-30) }))).toBe(
      "42 % 30 s",
    );
    expect(
      words(
        stage("align", {
          status: "completed",
          started_at: at(-30),
          ended_at: at(-10),
          audio_s: 120,
          wall_s: 20,
        }),
      ),
    ).toBe("Done 20 s · 6.0×");
  });

  it("says when it tries again", () => {
    expect(words(stage("align", { status: "retrying", due_at: at(4.2) }))).toBe(
      "Will try again in 5 s",
    );
    expect(words(stage("align", { status: "retrying", due_at: at(-1) }))).toBe(
      "Will try again any moment",
    );
  });

  it("tells what is left out from what was never done", () => {
    const skipped = stage("emotion", { status: "skipped", required: false });
    expect(words(skipped)).toBe("Left out the rest goes on");
    expect(words(skipped, { ...job(skipped), status: "failed" } as Job)).toBe("Not done");
  });

  it("says to a screen reader what its box does not show", () => {
    const parked = stage("diarize", {
      status: "parked",
      failed: 2,
      lost: 1,
      reason: "no memory",
      needs: ["prepare"],
    });
    expect(spoken(parked)).toBe(
      "by diarize_engine; failed twice, lost once; no memory; comes after Prepare",
    );
    expect(spoken(stage("prepare", { status: "completed", reason: "old" }))).toBe(
      "by prepare_engine",
    );
  });

  it("counts attempts within the epoch of the log", () => {
    expect(attempt(stage("a", { token: 300_002 }))).toBe(2);
    expect(troubles(stage("a"))).toBe("");
  });

  it("says nothing of the speed of what hears no audio", () => {
    expect(speed(stage("merge", { audio_s: 100, wall_s: 0.1 }))).toBe("");
  });
});

describe("the rest time", () => {
  it("is not guessed before there is a pace", () => {
    expect(
      restOf(
        job(stage("transcribe", { status: "running", progress: 0.01, started_at: at(-5) })),
        NOW,
      ),
    ).toBeNull();
    expect(restOf(job(stage("transcribe", { status: "ready" })), NOW)).toBeNull();
  });

  it("is of what runs longest, and names what comes after by number only", () => {
    const rest = restOf(
      job(
        stage("transcribe", { status: "running", progress: 0.5, started_at: at(-40) }),
        stage("diarize", { status: "running", progress: 0.25, started_at: at(-40) }),
        stage("align"),
        stage("merge"),
      ),
      NOW,
    );
    expect(rest).toEqual({ stage: "diarize", seconds: 120, more: 1 });
    expect(rest && restText(rest)).toBe("about 2 min left of speakers, then 1 more stage");
  });

  it("does not pretend to know seconds", () => {
    expect(restText({ stage: "align", seconds: 3, more: 0 })).toBe("a few seconds left");
    expect(restText({ stage: "align", seconds: 37, more: 0 })).toBe("about 35 s left");
  });
});

describe("who is missing", () => {
  const engine = (name: string, drained: boolean, ...states: string[]) =>
    ({ name, drained, replicas: states.map((state) => ({ state })) }) as unknown as EngineView;

  it("is nobody while one replica takes tasks", () => {
    expect(missingOf(["a"], [engine("a", false, "drained", "busy")])).toEqual([]);
  });

  it("is an engine that nobody runs, and one that takes nothing new", () => {
    const up = [engine("a", true, "busy"), engine("b", false, "drained"), engine("c", false)];
    expect(missingOf(["a", "b", "c", "d"], up)).toEqual([
      { name: "a", drained: true },
      { name: "b", drained: true },
      { name: "c", drained: false },
      { name: "d", drained: false },
    ]);
  });
});
