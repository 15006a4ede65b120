// The page put together: the list of jobs, uploads, and the one job that is looked at.

import { call, upload } from "./api.js";
import { el, moment, size } from "./dom.js";
import { evolve, opened } from "./fold.js";
import { TONES, badge, jobPage } from "./job.js";
import { enginesOf } from "./engines.js";
import { follow } from "./live.js";

const $ = (id) => document.getElementById(id);
const jobs = new Map();
const rows = new Map();
const SHOWN = 200;
const recent = []; // events, oldest first: the archive that the API reads may be moments behind
const KEPT = 500;
let page = null, pageId = null, drawn = false;

// live ------------------------------------------------------------------------------------------
const STATES = { live: "Live", late: "Catching up", away: "Not connected, trying again" };

follow({
  state: (state) => {
    $("link").dataset.state = state;
    $("link-text").textContent = STATES[state];
  },
  snapshot: (views) => {
    jobs.clear();
    views.forEach((view) => jobs.set(view.id, opened(view)));
    draw();
    if (pageId) look(pageId);
  },
  event: (event) => {
    const id = event.subject;
    if (!event.type.includes(".job.") && !event.type.includes(".stage.")) return;
    recent.push(event);
    if (recent.length > KEPT) recent.shift();
    const next = evolve(jobs.get(id) ?? null, event);
    if (next) jobs.set(id, next);
    if (id === pageId) {
      page.tell(event);
      if (next) page.show(next);
      else fetchJob(id);
    }
    draw();
  },
});

// list ------------------------------------------------------------------------------------------
function draw() {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    const newest = [...jobs.values()].filter((job) => !job.erased).sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, SHOWN);
    const keep = new Set(newest.map((job) => job.id));
    for (const [id, row] of rows) if (!keep.has(id)) { row.remove(); rows.delete(id); }
    newest.forEach((job, place) => {
      const row = rowOf(job);
      if ($("jobs").children[place] !== row) $("jobs").insertBefore(row, $("jobs").children[place] ?? null);
    });
    $("jobs-empty").hidden = newest.length > 0;
    document.title = working(newest) ? `(${working(newest)}) Dalston` : "Dalston";
  });
}

function working(list) {
  return list.filter((job) => job.status === "running" || job.status === "queued").length;
}

function rowOf(job) {
  let row = rows.get(job.id);
  if (!row) {
    row = el("li", {}, el("a", { href: `#${job.id}` }));
    rows.set(job.id, row);
  }
  const link = row.firstChild, key = JSON.stringify([job.filename, job.status, job.progress]);
  if (job.id === pageId) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  if (link.dataset.key === key) return row;
  link.dataset.key = key;
  const moving = job.status === "running" || job.status === "queued";
  link.dataset.tone = TONES[job.status] ?? "";
  link.replaceChildren(
    el("span", { className: "name", title: job.filename }, job.filename),
    badge(job.status),
    el("span", { className: "when" }, moment(job.submitted_at)),
    moving ? el("progress", { value: job.progress, max: 1, "aria-label": "progress" }) : "",
  );
  return row;
}

// one job ---------------------------------------------------------------------------------------
function recentOf(id) {
  return recent.filter((event) => event.subject === id);
}

async function fetchJob(id) {
  try {
    const view = recentOf(id).reduce(evolve, opened(await call(`/v1/jobs/${id}`)));
    const known = jobs.get(id);
    if (!known || known.rev < view.rev) jobs.set(id, view);
    if (id === pageId) page.show(jobs.get(id));
  } catch (error) {
    if (id === pageId && !jobs.has(id)) trouble(error.message);
  }
}

function look(id) {
  page?.close();
  page = jobPage($("job"), id, (other) => { location.hash = other ?? ""; });
  pageId = id;
  const known = jobs.get(id);
  if (known) page.show(known);
  else fetchJob(id);
  recentOf(id).forEach(page.tell);
  page.past().catch(() => {});
}

function trouble(words) {
  $("job").replaceChildren(el("p", { className: "notice", "data-tone": "bad", role: "alert" }, words));
}

function route() {
  const id = location.hash.slice(1);
  document.body.classList.toggle("reading", Boolean(id));
  if (id) look(id);
  else {
    page?.close();
    pageId = null;
    page = enginesOf();
    $("job").replaceChildren($("nothing").content.cloneNode(true), page.node);
  }
  draw();
}

// The hash names a job, so the skip link cannot use it.
document.querySelector(".skip").onclick = (event) => { event.preventDefault(); $("jobs-label").focus(); };
addEventListener("hashchange", route);
route();

// uploads ---------------------------------------------------------------------------------------
function send(file) {
  const fields = Object.fromEntries([...new FormData($("drop"))].filter(([, value]) => typeof value === "string"));
  const bar = el("progress", { value: 0, max: 1, "aria-label": `sending ${file.name}` });
  const words = el("p", {}, size(file.size));
  const close = el("button", { type: "button", className: "quiet", "aria-label": `stop ${file.name}` }, "✕");
  const row = el("li", { className: "upload" }, close, el("p", { className: "name" }, file.name), bar, words);
  $("uploads").append(row);
  const going = upload(file, fields, (fraction) => {
    bar.value = fraction;
    words.textContent = `${Math.round(fraction * 100)} % of ${size(file.size)}`;
  });
  close.onclick = () => { going.abort(); row.remove(); };
  going.done.then(
    (job) => {
      row.remove();
      if (!jobs.has(job.id)) jobs.set(job.id, opened(job));
      draw();
      location.hash = job.id;
    },
    (error) => { row.classList.add("bad"); bar.remove(); words.textContent = error.message; },
  );
}

$("files").onchange = () => { [...$("files").files].forEach(send); $("files").value = ""; };
$("drop").onsubmit = (event) => event.preventDefault();
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", over);
    if (name === "drop") [...event.dataTransfer.files].forEach(send);
  });
}
