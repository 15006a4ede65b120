// A job's past: its state after each of its events, what caused each, and what changed between two.

import { type CloudEvent, factOf } from "../api/types";
import { evolve, type Job } from "../fold";
import { type Heard, hear, SILENCE } from "../job/heard";

/** The job just after one event; `job` is null only if its first event is missing. */
export interface Moment {
  event: CloudEvent;
  job: Job | null;
  heard: Heard;
}

/** The past with more events on: each is folded once, what was known before is kept. */
export function extended(past: Moment[], events: CloudEvent[]): Moment[] {
  const more: Moment[] = [];
  let last = past[past.length - 1];
  for (const event of events) {
    if (last && event.rev <= last.event.rev) continue;
    const job = evolve(last?.job ?? null, event);
    last = { event, job, heard: hear(last?.heard ?? SILENCE, event) };
    more.push(last);
  }
  return more.length ? [...past, ...more] : past;
}

/** Seconds from the first event to this one. */
export function since(past: Moment[], index: number): number {
  const [first, here] = [past[0], past[index]];
  return first && here ? (Date.parse(here.event.time) - Date.parse(first.event.time)) / 1000 : 0;
}

const OUTPUTS = new Set(["transcribe", "align", "merge", "redact"]);

/** Whether an event changes what the transcript says, other than by what is heard meanwhile. */
function rewrites(event: CloudEvent): boolean {
  const type = factOf(event);
  if (type === "stage.completed") return OUTPUTS.has(String(event.data.stage));
  return type === "job.succeeded" || type === "speaker.renamed" || type === "transcript.edited";
}

/** The revision at which the transcript got the text that it has here; 0 while it is only heard. */
export function textAt(past: Moment[], index: number): number {
  for (let i = index; i >= 0; i--) {
    const event = past[i]?.event;
    if (event && rewrites(event)) return event.rev;
  }
  return 0;
}

/**
 * For each event the index of the one that brought it about, or null when that was a person, the clock
 * or nobody: the first of its commit, else the last that leads to such an event by the rules of a job.
 */
export function causes(events: CloudEvent[]): (number | null)[] {
  let head = 0;
  return events.map((event, i) => {
    const before = events[i - 1];
    if (before && before.time === event.time && before.seq + 1 === event.seq) return head;
    head = i;
    for (const type of LEADS[factOf(event)] ?? []) {
      for (let j = i - 1; j >= 0; j--) {
        const one = events[j];
        if (one && factOf(one) === type && concerns(one, event)) return j;
      }
    }
    return null;
  });
}

const BEGUN = ["stage.started", "stage.ready"];
/** What leads to an event that begins a commit, the likelier first. */
const LEADS: Record<string, string[]> = {
  "stage.ready": ["stage.retry_scheduled", "stage.lost"],
  "stage.started": ["stage.ready"],
  "stage.progressed": BEGUN,
  "segment.finalized": BEGUN,
  "stage.completed": BEGUN,
  "stage.failed": BEGUN,
  "stage.lost": BEGUN,
  "stage.skipped": ["job.cancel_requested"],
  "stage.unparked": ["stage.parked"],
  "job.cancelled": ["job.cancel_requested"],
  "speaker.renamed": ["job.succeeded"],
  "transcript.edited": ["job.succeeded"],
};

/** Whether both are of the same stage, and of the same attempt where both name one. */
function concerns(cause: CloudEvent, effect: CloudEvent): boolean {
  const [a, b] = [cause.data, effect.data];
  if (a.stage !== undefined && b.stage !== undefined && a.stage !== b.stage) return false;
  const attempts = factOf(effect) !== "stage.ready";
  return !attempts || a.token === undefined || b.token === undefined || a.token === b.token;
}

/** One thing that is not the same at two moments. */
export interface Difference {
  what: string;
  before: string;
  after: string;
}

const OF_JOB = ["status", "reason", "audio_s", "transcript", "erased"] as const;
const OF_STAGE = [
  "status", "token", "owner", "progress", "model", "failed", "lost", "preempted", "reason",
] as const; // biome-ignore format: one list

/** What became different in a job's state from one moment to another. */
export function differences(before: Job | null, after: Job | null): Difference[] {
  const found: Difference[] = [];
  const note = (what: string, a: unknown, b: unknown) => {
    if (shown(a) !== shown(b)) found.push({ what, before: shown(a), after: shown(b) });
  };
  for (const name of OF_JOB) note(name, before?.[name], after?.[name]);
  for (const stage of after?.stages ?? before?.stages ?? []) {
    const was = before?.stages.find((one) => one.name === stage.name);
    const is = after?.stages.find((one) => one.name === stage.name);
    for (const name of OF_STAGE) note(`${stage.name}: ${name}`, was?.[name], is?.[name]);
  }
  const speakers = new Set([...keys(before?.names), ...keys(after?.names)]);
  for (const one of speakers) note(`name of ${one}`, before?.names[one], after?.names[one]);
  note("segments corrected", before?.edits, after?.edits);
  note("warnings", before?.warnings, after?.warnings);
  return found;
}

function keys(names: Record<string, string> | undefined): string[] {
  return Object.keys(names ?? {});
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}
