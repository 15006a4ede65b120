// What a job's, a stage's or an engine's status means, in plain words and in a colour.

import { Badge, type Tone } from "./basics";

const STATUS: Record<string, [string, Tone, boolean?]> = {
  accepted: ["Accepted", "none"],
  queued: ["Waiting", "none"],
  running: ["At work", "blue", true],
  blocked: ["Blocked", "amber"],
  cancelling: ["Stopping", "amber", true],
  succeeded: ["Done", "green"],
  failed: ["Failed", "red"],
  cancelled: ["Cancelled", "none"],
  pending: ["Not yet", "none"],
  ready: ["Waiting", "none"],
  retrying: ["Will try again", "amber"],
  parked: ["Parked", "amber"],
  completed: ["Done", "green"],
  skipped: ["Left out", "none"],
  idle: ["Ready", "green"],
  busy: ["At work", "blue", true],
  starting: ["Starting", "blue", true],
  draining: ["Draining", "amber", true],
  drained: ["Drained", "amber"],
  missing: ["Not up", "red"],
  off: ["Not up", "none"],
};

export function statusWord(status: string): string {
  return STATUS[status]?.[0] ?? status;
}

export function statusTone(status: string): Tone {
  return STATUS[status]?.[1] ?? "none";
}

export function Status({ of }: { of: string }) {
  const [word, tone, moving] = STATUS[of] ?? [of, "none" as Tone];
  return (
    <Badge tone={tone} moving={moving}>
      {word}
    </Badge>
  );
}

const OVER = new Set(["succeeded", "failed", "cancelled"]);

/** Whether nothing more happens to a job by itself. */
export function ended(status: string): boolean {
  return OVER.has(status);
}
