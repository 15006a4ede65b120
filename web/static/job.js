// One job, live: its stages, its transcript when it is there, its events as they come.

import { call } from "./api.js";
import { clock, el, lasting, moment, section } from "./dom.js";
import { transcriptOf } from "./transcript.js";

export const TONES = {
  succeeded: "done", completed: "done", running: "work", cancelling: "wait", blocked: "wait",
  retrying: "wait", parked: "wait", failed: "bad", cancelled: "", skipped: "", idle: "done", missing: "bad",
};
const WORDS = {
  accepted: "accepted", queued: "waiting", running: "at work", blocked: "blocked", cancelling: "stopping",
  succeeded: "done", failed: "failed", cancelled: "cancelled", pending: "not yet", ready: "waiting",
  retrying: "will try again", parked: "parked", completed: "done", skipped: "left out",
  idle: "ready", missing: "not up", off: "not up",
};
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

/** A status as a badge in plain words. */
export function badge(status) {
  return el("span", { className: "badge", "data-tone": TONES[status] ?? "" }, WORDS[status] ?? status);
}

/** A view of one job inside `root`; `show(job)` on each change, `tell(event)` on each event. */
export function jobPage(root, id, onGone) {
  const parts = Object.fromEntries(["head", "notices", "dag", "text", "log"].map((name) => [name, el("div")]));
  parts.head.className = "head";
  parts.dag.className = "card";
  parts.text.className = "card";
  parts.log.className = "card";
  const list = el("ol", { className: "events", tabIndex: 0, "aria-label": "Events" });
  parts.log.append(el("h2", { className: "label" }, "Events"), list);
  root.replaceChildren(parts.head, parts.notices, parts.dag, parts.text, parts.log);
  const said = { problem: "" };
  let job = null, closed = false;

  const act = async (path, options) => {
    try {
      said.problem = "";
      const view = await call(path, options);
      if (options.method === "DELETE") onGone(null);
      else if (view.id !== id) onGone(view.id);
    } catch (error) {
      said.problem = error.message;
    }
    if (!closed) show(job);
  };

  const show = (next) => {
    job = next;
    section(parts.head, JSON.stringify([job.status, job.filename, job.audio_s, job.erased, job.request]), () => head(job, act));
    section(parts.notices, JSON.stringify([job.status, job.reason, job.warnings, said.problem]), () => notices(job, said.problem));
    section(parts.dag, JSON.stringify([job.stages, job.status, ticking(job) && Math.floor(Date.now() / 1000)]), () => dag(job));
    section(parts.text, JSON.stringify([job.transcript, job.status, job.erased]), () => text(job));
  };

  const tell = (event) => {
    // What comes live may overtake what is fetched of the past: each line goes to its place, once.
    let below = list.firstElementChild;
    while (below && below.seq > event.seq) below = below.nextElementSibling;
    if (below?.seq !== event.seq) list.insertBefore(line(event), below);
  };

  const past = async () => {
    for (let after = 0; after !== null && !closed; ) {
      const page = await call(`/v1/jobs/${id}/events?after=${after}&limit=1000`);
      page.events.forEach(tell);
      after = page.next;
    }
  };

  const timer = setInterval(() => job && ticking(job) && show(job), 1000);
  return {
    show, tell, past,
    close: () => { closed = true; clearInterval(timer); },
  };
}

function ticking(job) {
  return job.stages.some((stage) => stage.status === "running" || stage.status === "retrying");
}

function head(job, act) {
  const post = (what) => () => act(`/v1/jobs/${job.id}/${what}`, { method: "POST" });
  const actions = [];
  if (job.status === "blocked") actions.push(el("button", { onclick: post("retry") }, "Try the parked stages again"));
  if (!ENDED.has(job.status) && job.status !== "cancelling") actions.push(el("button", { onclick: post("cancel") }, "Cancel"));
  if (["failed", "cancelled"].includes(job.status) && !job.erased) actions.push(el("button", { onclick: post("retry") }, "Run again"));
  if (ENDED.has(job.status) && !job.erased) {
    const erase = () => confirm("Erase the audio, the transcript and every word about this job, for good?")
      && act(`/v1/jobs/${job.id}`, { method: "DELETE" });
    actions.push(el("button", { className: "danger", onclick: erase }, "Erase"));
  }
  const facts = [moment(job.submitted_at), job.audio_s ? `${clock(job.audio_s)} of audio` : "", wishes(job.request)];
  return [
    el("h1", {}, job.erased ? "Erased" : job.filename),
    el("p", { className: "head-line" }, badge(job.status), facts.filter(Boolean).join(" · "), el("span", { className: "mono" }, job.id)),
    actions.length ? el("div", { className: "actions" }, actions) : null,
  ];
}

function wishes(request) {
  const model = request.model && `model ${request.model}`, language = request.language && `in ${request.language}`;
  return [model, language].filter(Boolean).join(", ");
}

/** Tokens of one epoch of the log: within it they count the attempts. */
const TOKENS = 100000;

function notices(job, problem) {
  const tone = TONES[job.status] || "wait";
  const made = [];
  if (problem) made.push(el("p", { className: "notice", "data-tone": "bad", role: "alert" }, problem));
  if (job.reason && job.status !== "succeeded") made.push(el("p", { className: "notice", "data-tone": tone }, job.reason));
  for (const warning of job.warnings) made.push(el("p", { className: "notice", "data-tone": "wait" }, warning));
  return made;
}

function dag(job) {
  if (!job.stages.length) return [el("h2", { className: "label" }, "Stages"), el("p", { className: "dim" }, "Its plan is on the way.")];
  return [el("h2", { className: "label" }, "Stages"), el("div", { className: "dag" }, job.stages.map(stage))];
}

function stage(one) {
  const rows = [["engine", one.engine], ["model", one.model], ["took", took(one)], ["waited", waited(one)],
    ["attempt", one.token % TOKENS > 1 ? one.token % TOKENS : null], ["memory", one.peak_rss ? `${Math.round(one.peak_rss / 1e6)} MB` : null]];
  return el("article", { className: "stage", "data-tone": TONES[one.status] ?? "" },
    el("div", { className: "stage-top" }, el("h3", {}, one.name), badge(one.status)),
    el("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", { title: value }, String(value))])),
    one.status === "retrying" ? el("p", { className: "why" }, `again in ${lasting(Math.max(0, (new Date(one.due_at) - Date.now()) / 1000))}`) : null,
    one.reason && one.status !== "completed" ? el("p", { className: "why" }, one.reason) : null,
    one.status === "running" ? el("progress", { value: one.progress, max: 1, "aria-label": `${one.name}: progress` }) : null);
}

function took(one) {
  if (one.status === "running") return lasting(Math.max(0, (Date.now() - new Date(one.started_at)) / 1000));
  if (!one.ended_at || !one.started_at) return null;
  return lasting((new Date(one.ended_at) - new Date(one.started_at)) / 1000);
}

function waited(one) {
  const seconds = one.started_at && one.ready_at ? (new Date(one.started_at) - new Date(one.ready_at)) / 1000 : 0;
  return seconds > 0.5 ? lasting(seconds) : null;
}

function text(job) {
  const title = el("h2", { className: "label" }, "Transcript");
  if (job.transcript) return [title, transcriptOf(job.id)];
  const words = job.erased ? "It was erased." : ENDED.has(job.status) ? "There is none." : "It appears here once its last stage is done.";
  return [title, el("p", { className: "waiting" }, words)];
}

function line(event) {
  const type = event.type.slice("dev.dalston.".length, -".v1".length);
  const tone = { completed: "done", succeeded: "done", failed: "bad", lost: "bad", parked: "wait", retry_scheduled: "wait", started: "work" }[type.split(".")[1]] ?? "";
  const node = el("li", {},
    el("span", { className: "mono dim" }, String(event.seq)),
    el("span", { className: "mono dim at" }, new Date(event.time).toLocaleTimeString()),
    el("span", { className: "type", "data-tone": tone }, type),
    el("span", { className: "what" }, summary(type, event.data)));
  node.seq = event.seq;
  return node;
}

function summary(type, data) {
  const fraction = data.fraction === undefined ? "" : `${Math.round(data.fraction * 100)} %`;
  return [data.stage, data.owner || (type === "stage.ready" ? data.engine : ""), data.filename, fraction, data.reason].filter(Boolean).join(" · ");
}
