// What a stage is doing, in words and numbers for people. Pure: `now` is given, in ms.

import type { EngineView, StageView } from "../api/types";
import type { Tone } from "../components/basics";
import type { Job } from "../fold";
import { between, clock, lasting, percent } from "../lib/format";

/** Tokens of one epoch of the log: within it they count the attempts. */
const TOKENS = 100_000;
const NAMES: Record<string, string> = {
  prepare: "Prepare",
  language: "Language",
  transcribe: "Transcribe",
  align: "Align",
  diarize: "Speakers",
  emotion: "Emotion",
  cleanup: "Clean up",
  merge: "Merge",
  redact: "Mask",
};

/** Stages that hear no audio: how fast they are by it says nothing. */
const DEAF = new Set(["merge", "cleanup"]);

/** Statuses of jobs in which a stage is skipped for the job's sake, not for its own. */
const VAIN = new Set(["failed", "cancelling", "cancelled"]);

export interface Doing {
  tone: Tone;
  /** A few words: what it is doing. */
  word: string;
  /** A few more: for how long, since when, how fast. */
  detail: string;
  moving: boolean;
}

/** A stage's name for people. */
export function stageName(name: string): string {
  return NAMES[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
}

/** What a stage is doing at `now`. */
export function doing(stage: StageView, job: Job, now: number): Doing {
  const since = (from?: string | null) =>
    lasting(Math.max(0, (now - Date.parse(from ?? "")) / 1000 || 0));
  const still = (tone: Tone, word: string, detail = ""): Doing => ({
    tone,
    word,
    detail,
    moving: false,
  });
  switch (stage.status) {
    case "pending":
      return still("none", "Not yet", after(stage, job));
    case "ready":
      return still("none", "Waiting", `for its turn, ${since(stage.ready_at)}`);
    case "running":
      return {
        tone: "blue",
        word: stage.progress > 0 ? percent(stage.progress) : "Working",
        detail: since(stage.started_at),
        moving: true,
      };
    case "retrying": {
      const rest = (Date.parse(stage.due_at ?? "") - now) / 1000;
      return still(
        "amber",
        "Will try again",
        rest > 0 ? `in ${rest < 60 ? `${Math.ceil(rest)} s` : lasting(rest)}` : "any moment",
      );
    }
    case "parked":
      return still("amber", "Parked", "waits for somebody");
    case "completed":
      return still(
        "green",
        "Done",
        [lasting(took(stage)), speed(stage)].filter(Boolean).join(" · "),
      );
    case "skipped":
      if (VAIN.has(job.status)) return still("none", "Not done");
      return still("none", "Left out", stage.required ? "" : "the rest goes on");
    case "failed":
      return still(
        "red",
        "Failed",
        took(stage) === undefined ? "" : `after ${lasting(took(stage))}`,
      );
    default:
      return still("none", stage.status);
  }
}

function after(stage: StageView, job: Job): string {
  const missing = stage.needs.filter((need) => {
    const status = job.stages.find((one) => one.name === need)?.status;
    return status !== "completed" && status !== "skipped";
  });
  const last = missing[missing.length - 1];
  if (!last) return "";
  return missing.length > 2
    ? `after ${missing.length} others`
    : `after ${missing.map((name) => stageName(name).toLowerCase()).join(", ")}`;
}

/** Seconds from its start to its end. */
export function took(stage: StageView): number | undefined {
  return between(stage.started_at, stage.ended_at);
}

/** How many seconds of audio it did in one; "" where that says nothing. */
export function speed(stage: StageView): string {
  if (!stage.audio_s || !stage.wall_s || DEAF.has(stage.name)) return "";
  const times = stage.audio_s / stage.wall_s;
  return times >= 9.95 ? `${Math.round(times)}×` : `${times.toFixed(1)}×`;
}

/** Which attempt it is at, from 1; 0 before the first. */
export function attempt(stage: StageView): number {
  return stage.token % TOKENS;
}

/** What went wrong before: "failed twice, lost once". */
export function troubles(stage: StageView): string {
  const said = [
    [stage.failed, "failed"],
    [stage.lost, "lost"],
    [stage.preempted, "made to leave"],
  ] as const;
  return said
    .filter(([times]) => times > 0)
    .map(
      ([times, what]) =>
        `${what} ${times === 1 ? "once" : times === 2 ? "twice" : `${times} times`}`,
    )
    .join(", ");
}

/** What a stage's box does not show, for screen readers: who does it, what went wrong, what it needs. */
export function spoken(stage: StageView): string {
  const reason = stage.left_out || (stage.status === "completed" ? "" : stage.reason);
  const needs = stage.needs.length ? `comes after ${stage.needs.map(stageName).join(", ")}` : "";
  return [`by ${stage.engine}`, troubles(stage), reason, needs].filter(Boolean).join("; ");
}

export interface Missing {
  name: string;
  /** Somebody runs it, and nobody there takes anything new. */
  drained: boolean;
}

/** Which of these engines take no task now, and why. */
export function missingOf(names: readonly string[], up: readonly EngineView[]): Missing[] {
  return names.flatMap((name) => {
    const { replicas = [], drained = false } = up.find((one) => one.name === name) ?? {};
    const idle = replicas.every(({ state }) => state === "draining" || state === "drained");
    if (replicas.length && !drained && !idle) return [];
    return [{ name, drained: replicas.length > 0 }];
  });
}

/** What is left, as far as anybody can say: only of what runs, and what comes after it by number. */
export interface Rest {
  seconds: number;
  stage: string;
  more: number;
}

const QUICK = new Set(["prepare", "merge"]);
const SURE = 0.03;

/** The rest time of what runs longest, by its own pace; null while there is no pace to go by. */
export function restOf(job: Job, now: number): Rest | null {
  const rests = job.stages
    .filter((stage) => stage.status === "running" && stage.progress >= SURE && stage.started_at)
    .map((stage) => {
      const gone = (now - Date.parse(stage.started_at ?? "")) / 1000;
      return { stage: stage.name, seconds: (gone * (1 - stage.progress)) / stage.progress };
    });
  const longest = rests.reduce<(typeof rests)[number] | null>(
    (a, b) => (a && a.seconds > b.seconds ? a : b),
    null,
  );
  if (!longest) return null;
  const more = job.stages.filter(
    (stage) => ["pending", "ready", "retrying"].includes(stage.status) && !QUICK.has(stage.name),
  ).length;
  return { ...longest, more };
}

/** The rest time in words. */
export function restText(rest: Rest): string {
  const about = rest.seconds < 8 ? "a few seconds" : `about ${lasting(round(rest.seconds))}`;
  if (!rest.more) return `${about} left`;
  return `${about} left of ${stageName(rest.stage).toLowerCase()}, then ${rest.more} more ${rest.more === 1 ? "stage" : "stages"}`;
}

/** To a number that does not pretend: 5 s, 15 s, a minute. */
function round(seconds: number): number {
  const step = seconds < 60 ? 5 : seconds < 600 ? 15 : 60;
  return Math.max(step, Math.round(seconds / step) * step);
}

/** Audio's length in words: 2:03 of audio. */
export function audioText(job: Job): string {
  return job.audio_s === null ? "" : `${clock(job.audio_s)} of audio`;
}
