// The view of a job and how each event changes it: the same fold as the server's, on JobView.

import {
  type CloudEvent,
  factOf,
  type JobRequest,
  type JobView,
  type StageView,
} from "./api/types";

/** A job's view; `said` is its own reason, without what its stages say. */
export type Job = JobView & { said: string };

type Data = Record<string, unknown>;

const LIGHT: Record<string, number> = { prepare: 1, merge: 1 };
const HEAVY = 20;
const OVER = new Set(["completed", "skipped"]);
const DONE = new Set(["completed"]);
const IN_VAIN = new Set(["failed", "cancelling", "cancelled"]);
const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const LOST: Record<string, string> = {
  lease: "its engine fell silent",
  preempted: "its engine was told to leave",
};

/** The job after one more event; null before its first. Pure; what was seen before changes nothing. */
export function evolve(job: Job | null, event: CloudEvent): Job | null {
  const type = factOf(event);
  if (job !== null && event.rev <= job.rev) return job;
  if (type === "job.submitted") return submitted(event);
  if (job === null) return null;
  return summed({ ...applied(job, type, event.data, asShown(event.time)), rev: event.rev });
}

/** A view from the API as `evolve` keeps it. */
export function opened(view: JobView): Job {
  return { ...view, said: view.reason === blockedBy(view) ? "" : view.reason };
}

function submitted({ subject, tenant, rev, time, data }: CloudEvent): Job {
  return {
    id: subject ?? "",
    tenant: tenant ?? "",
    rev,
    status: "queued",
    filename: data.filename as string,
    submitted_at: asShown(time),
    ended_at: null,
    progress: 0,
    audio_s: null,
    reason: "",
    said: "",
    warnings: [],
    request: data.request as JobRequest,
    stages: [],
    transcript: false,
    again_from: (data.again_from as string | undefined) ?? null,
    erased: false,
    names: {},
    edited: 0,
    edits: [],
  };
}

function applied(job: Job, type: string, data: Data, time: string): Job {
  const stage = (change: (one: StageView) => Partial<StageView>): Job => ({
    ...job,
    stages: job.stages.map((one) => (one.name === data.stage ? { ...one, ...change(one) } : one)),
  });
  const reason = (data.reason as string | undefined) ?? "";
  switch (type) {
    case "job.planned":
      return {
        ...job,
        stages: (data.stages as Planned[]).map((one) => planned(one, number(data.floor))),
      };
    case "job.recovered":
      return {
        ...job,
        stages: job.stages.map((one) => ({
          ...one,
          token: Math.max(one.token, number(data.floor)),
        })),
      };
    case "job.succeeded":
      return {
        ...job,
        status: "succeeded",
        ended_at: time,
        transcript: true,
        warnings: strings(data.warnings),
      };
    case "job.failed":
      return { ...job, status: "failed", ended_at: time, said: reason };
    case "job.cancel_requested":
      return { ...job, status: "cancelling", said: reason };
    case "job.cancelled":
      return { ...job, status: "cancelled", ended_at: time };
    case "job.erased":
      return erased(job);
    case "speaker.renamed":
      return { ...job, names: renamed(job.names, data.speaker as string, data.name as string) };
    case "transcript.edited":
      return corrected(job, data.segment as number, data.text !== null && data.text !== undefined);
    case "stage.ready":
      return stage(() => ({
        status: "ready",
        token: number(data.token),
        owner: "",
        progress: 0,
        ready_at: time,
        started_at: null,
        ended_at: null,
        due_at: null,
      }));
    case "stage.started": {
      const begun = stage(() => ({
        status: "running",
        owner: data.owner as string,
        started_at: time,
      }));
      return { ...begun, status: job.status === "queued" ? "running" : job.status };
    }
    case "stage.progressed":
      return stage(() => ({ progress: rounded(number(data.fraction)) }));
    case "stage.completed": {
      const done = { status: "completed", progress: 1, ended_at: time, reason: "", kind: null };
      return measured(
        stage(() => ({ ...done, warnings: strings(data.warnings), ...used(data.usage) })),
      );
    }
    case "stage.failed":
      return measured(
        stage((one) => ({
          status: "failed",
          failed: one.failed + 1,
          kind: data.kind as string,
          reason,
          ended_at: time,
          ...used(data.usage),
        })),
      );
    case "stage.lost":
      return stage((one) => ({
        status: "failed",
        ended_at: time,
        reason: LOST[data.cause as string] ?? "",
        lost: one.lost + Number(data.cause === "lease"),
        preempted: one.preempted + Number(data.cause === "preempted"),
      }));
    case "stage.retry_scheduled":
      return stage(() => ({ status: "retrying", due_at: data.due_at as string }));
    case "stage.parked":
      return { ...stage(() => ({ status: "parked", reason })), status: "blocked" };
    case "stage.unparked":
      return unparked(stage(() => ({ status: "pending", failed: 0, lost: 0, preempted: 0 })));
    case "stage.skipped":
      return stage(() => ({ status: "skipped", reason, ended_at: time }));
    default:
      return job;
  }
}

interface Planned {
  name: string;
  engine: string;
  needs?: string[];
  required?: boolean;
  left_out?: string;
}

function planned({ name, engine, needs, required, left_out }: Planned, token: number): StageView {
  return {
    name,
    engine,
    needs: needs ?? [],
    required: required ?? true,
    left_out: left_out ?? "",
    status: "pending",
    token,
    progress: 0,
    owner: "",
    ready_at: null,
    started_at: null,
    ended_at: null,
    due_at: null,
    reason: "",
    failed: 0,
    lost: 0,
    preempted: 0,
    kind: null,
    warnings: [],
    ...used({}),
  };
}

/** What an attempt used, as a view shows it: times and memory only of one that ran. */
function used(usage: unknown) {
  const {
    engine_version,
    model,
    wall_s,
    load_s,
    audio_s,
    peak_rss,
    device,
    peak_gpu,
    tokens_in,
    tokens_out,
    cost_usd,
  } = (usage ?? {}) as Partial<StageView>;
  const ran = (wall_s ?? 0) > 0;
  return {
    engine_version: engine_version ?? "",
    model: model ?? null,
    device: device ?? "cpu",
    wall_s: ran ? (wall_s ?? 0) : null,
    load_s: ran ? (load_s ?? 0) : null,
    audio_s: audio_s ?? null,
    peak_rss: peak_rss ?? null,
    peak_gpu: peak_gpu ?? null,
    tokens_in: tokens_in ?? null,
    tokens_out: tokens_out ?? null,
    cost_usd: cost_usd ?? null,
  };
}

function erased(job: Job): Job {
  const stages = job.stages.map((one) => ({ ...one, reason: "", warnings: [], left_out: "" }));
  return {
    ...job,
    stages,
    filename: "",
    request: {},
    said: "",
    warnings: [],
    transcript: false,
    erased: true,
    names: {},
    edited: 0,
    edits: [],
  };
}

function renamed(names: Record<string, string>, speaker: string, name: string) {
  const { [speaker]: _, ...others } = names;
  return name ? { ...others, [speaker]: name } : others;
}

function corrected(job: Job, segment: number, kept: boolean): Job {
  const others = job.edits.filter((one) => one !== segment);
  const edits = kept ? [...others, segment].sort((a, b) => a - b) : others;
  return { ...job, edits, edited: edits.length };
}

function unparked(job: Job): Job {
  return job.stages.some((one) => one.status === "parked") ? job : { ...job, status: "running" };
}

function measured(job: Job): Job {
  const audio_s = job.stages.map((one) => one.audio_s).find((seconds) => seconds !== null);
  return { ...job, audio_s: audio_s ?? null };
}

/** The job with what is summed up from its stages. */
function summed(job: Job): Job {
  const warnings = ENDED.has(job.status) ? job.warnings : losses(job);
  return { ...job, warnings, progress: progressOf(job), reason: job.said || blockedBy(job) };
}

function losses(job: Job): string[] {
  return job.stages
    .filter((one) => one.status === "skipped" && one.reason && !one.required)
    .map((one) => `${one.name} was left out: ${one.reason}`);
}

function progressOf(job: Job): number {
  if (job.status === "succeeded") return 1;
  const over = IN_VAIN.has(job.status) ? DONE : OVER; // what was left out of it is not done
  let [done, all] = [0, 0];
  for (const stage of job.stages) {
    const weight = LIGHT[stage.name] ?? HEAVY;
    all += weight;
    done += weight * (over.has(stage.status) ? 1 : stage.progress);
  }
  return all ? rounded(done / all) : 0;
}

function blockedBy(job: JobView): string {
  return job.stages
    .filter((one) => one.status === "parked")
    .map((one) => `${one.name}: ${one.reason}`)
    .join("; ");
}

/** A time of the log as views write it: without microseconds when there are none. */
function asShown(time: string): string {
  return time.replace(".000000Z", "Z");
}

function rounded(fraction: number): number {
  return Math.round(fraction * 1e4) / 1e4;
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value : [];
}
