// The transcript: words with their times, and where to get it in other formats.

import { call } from "./api.js";
import { clock, el } from "./dom.js";

const FORMATS = [["txt", "Text"], ["srt", "SubRip"], ["vtt", "WebVTT"], ["json", "JSON"]];
const LOW = 0.5;
const AT_ONCE = 400;

/** A node that fills itself. */
export function transcriptOf(id) {
  const node = el("div", {}, el("p", { className: "waiting" }, "Loading"));
  fill(node, id).catch((error) =>
    node.replaceChildren(el("p", { className: "notice", "data-tone": "bad" }, error.message)));
  return node;
}

async function fill(node, id) {
  const transcript = await call(`/v1/jobs/${id}/transcript`);
  const told = el("p", { className: "told mono", role: "status" }, about(transcript));
  const words = el("div", { className: "words", tabIndex: 0, role: "group", "aria-label": "Words; the arrow keys go from one to the next" });
  const names = new Map((transcript.speakers ?? []).map((speaker) => [speaker.id, speaker.name ?? speaker.id]));
  words.addEventListener("click", (event) => pick(words, told, event.target.closest(".word")));
  words.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...words.querySelectorAll(".word")];
    const next = all[all.indexOf(words.querySelector(".picked")) + step];
    pick(words, told, next);
    next?.scrollIntoView({ block: "nearest" });
  });
  node.replaceChildren(exportsOf(id), told, words);
  if (!transcript.segments.length) words.append(el("p", { className: "waiting" }, "Nobody speaks in this audio."));
  more(words, transcript.segments, names, 0);
}

function about(transcript) {
  const sure = transcript.language_probability ? ` (${Math.round(transcript.language_probability * 100)} % sure)` : "";
  const language = transcript.language ? `${transcript.language}${sure} · ` : "";
  return `${language}${clock(transcript.duration)} · choose a word to see its time`;
}

function exportsOf(id) {
  return el("div", { className: "exports" }, FORMATS.map(([format, label]) =>
    el("a", { className: "button", href: `/v1/jobs/${id}/transcript?format=${format}`, download: "" }, label)));
}

/** A batch of segments now, the next ones once their place is near: long transcripts open at once. */
function more(words, segments, names, from) {
  words.append(...segments.slice(from, from + AT_ONCE).map((segment) => segmentOf(segment, names)));
  if (from + AT_ONCE >= segments.length) return;
  const end = el("p", { className: "waiting" }, "…");
  words.append(end);
  const watch = new IntersectionObserver(([seen]) => {
    if (!seen.isIntersecting) return;
    watch.disconnect();
    end.remove();
    more(words, segments, names, from + AT_ONCE);
  }, { rootMargin: "1200px" });
  watch.observe(end);
}

function segmentOf(segment, names) {
  const text = segment.words?.length
    ? segment.words.flatMap((word, i) => [i ? " " : "", wordOf(word)])
    : [segment.text];
  const who = segment.speaker ? el("span", { className: "who" }, names.get(segment.speaker) ?? segment.speaker) : null;
  return el("div", { className: "segment" },
    el("time", { className: "mono" }, clock(segment.start)),
    el("div", {}, who, el("p", {}, text)));
}

function wordOf(word) {
  const low = word.probability !== undefined && word.probability < LOW;
  // No button: its text could not be selected and copied.
  const node = el("span", { className: low ? "word low" : "word" }, word.text);
  node.word = word;
  return node;
}

function pick(words, told, node) {
  if (!node) return;
  words.querySelector(".picked")?.classList.remove("picked");
  node.classList.add("picked");
  const { text, start, end, probability } = node.word;
  const sure = probability === undefined ? "" : ` · ${Math.round(probability * 100)} % sure`;
  told.textContent = `“${text}” ${start.toFixed(2)} to ${end.toFixed(2)} s${sure}`;
}
