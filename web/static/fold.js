// The view of a job and how each event changes it: the same fold as the server's, on JobView.

const LIGHT = { prepare: 1, merge: 1 };
const HEAVY = 20;
const OVER = new Set(["completed", "skipped"]);
const DONE = new Set(["completed"]);
const IN_VAIN = new Set(["failed", "cancelling", "cancelled"]);

/** The job after one more CloudEvent; `job` is null before its first. Pure. */
export function evolve(job, event) {
  const type = event.type.slice("dev.dalston.".length, -".v1".length);
  if (type === "job.submitted") return submitted(event);
  if (job === null || event.rev <= job.rev) return job;
  const next = { ...applied(job, type, event.data, event.time), rev: event.rev };
  return { ...next, progress: progressOf(next), reason: next.said || blockedBy(next) };
}

function submitted({ subject, tenant, rev, time, data }) {
  return {
    id: subject, tenant, rev, status: "queued", filename: data.filename, submitted_at: time,
    ended_at: null, progress: 0, audio_s: null, reason: "", said: "", warnings: [],
    request: data.request, stages: [], transcript: false, again_from: data.again_from ?? null,
    erased: false,
  };
}

function applied(job, type, data, time) {
  const stage = (changes) => ({
    ...job,
    stages: job.stages.map((one) => (one.name === data.stage ? { ...one, ...changes } : one)),
  });
  switch (type) {
    case "job.planned": return { ...job, stages: data.stages.map((one) => planned(one, data.floor ?? 0)) };
    case "job.recovered": return { ...job, stages: job.stages.map((one) => ({ ...one, token: Math.max(one.token, data.floor) })) };
    case "job.succeeded": return { ...job, status: "succeeded", ended_at: time, transcript: true, warnings: data.warnings ?? [] };
    case "job.failed": return { ...job, status: "failed", ended_at: time, said: data.reason };
    case "job.cancel_requested": return { ...job, status: "cancelling", said: data.reason ?? "" };
    case "job.cancelled": return { ...job, status: "cancelled", ended_at: time };
    case "job.erased": return { ...job, filename: "", request: {}, said: "", warnings: [], transcript: false, erased: true };
    case "stage.ready": return stage({ status: "ready", token: data.token, owner: "", progress: 0, ready_at: time, started_at: null, ended_at: null, due_at: null });
    case "stage.started": return { ...stage({ status: "running", owner: data.owner, started_at: time }), status: job.status === "queued" ? "running" : job.status };
    case "stage.progressed": return stage({ progress: data.fraction });
    case "stage.completed": return { ...stage({ status: "completed", progress: 1, ended_at: time, reason: "", ...used(data.usage) }), audio_s: job.audio_s ?? data.usage?.audio_s ?? null };
    case "stage.failed": return stage({ status: "failed", ended_at: time, reason: data.reason, ...used(data.usage) });
    case "stage.lost": return stage({ status: "failed", ended_at: time, reason: data.cause === "lease" ? "its engine fell silent" : "its engine was told to leave" });
    case "stage.retry_scheduled": return stage({ status: "retrying", due_at: data.due_at });
    case "stage.parked": return { ...stage({ status: "parked", reason: data.reason }), status: "blocked" };
    case "stage.unparked": return unparked(stage({ status: "pending" }));
    case "stage.skipped": return stage({ status: "skipped", reason: data.reason, ended_at: time });
    default: return job;
  }
}

function planned({ name, engine, needs }, token) {
  return {
    name, engine, needs: needs ?? [], status: "pending", token, progress: 0, owner: "",
    ready_at: null, started_at: null, ended_at: null, due_at: null, reason: "", model: null,
    wall_s: null, peak_rss: null,
  };
}

function used(usage) {
  return { model: usage?.model ?? null, wall_s: usage?.wall_s || null, peak_rss: usage?.peak_rss ?? null };
}

function unparked(job) {
  return job.stages.some((stage) => stage.status === "parked") ? job : { ...job, status: "running" };
}

function progressOf(job) {
  if (job.status === "succeeded") return 1;
  const over = IN_VAIN.has(job.status) ? DONE : OVER; // what was left out of it is not done
  let done = 0, all = 0;
  for (const stage of job.stages) {
    const weight = LIGHT[stage.name] ?? HEAVY;
    all += weight;
    done += weight * (over.has(stage.status) ? 1 : stage.progress);
  }
  return all ? Math.round((done / all) * 1e4) / 1e4 : 0;
}

function blockedBy(job) {
  return job.stages.filter((stage) => stage.status === "parked").map((stage) => `${stage.name}: ${stage.reason}`).join("; ");
}

/** A view from the API as `evolve` keeps it: `said` is the reason without what stages say. */
export function opened(view) {
  return { ...view, said: view.reason === blockedBy(view) ? "" : view.reason };
}
