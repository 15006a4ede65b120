// What was asked of a job as wishes that people change, and what they changed as the API takes it. Pure.

import type { JobRequest } from "../api/types";
import { NOTHING, type Wishes } from "../jobs/options";

/** The wishes that a request says. */
export function wishesOf(request: JobRequest): Wishes {
  const engine = request.engines?.transcribe ?? "";
  const { min_speakers: least, max_speakers: most } = request;
  return {
    ...NOTHING,
    language: request.language ?? "",
    model: engine || request.model ? `${engine}|${request.model ?? ""}` : "",
    speakers: request.diarize ?? false,
    many: least && least === most ? String(least) : "",
    emotion: request.emotion ?? false,
    clean: request.cleanup ?? false,
    summary: request.summary ?? false,
    actions: request.action_items ?? false,
    chapters: request.chapters ?? false,
    mask: request.redact ?? false,
    maskAudio: request.redact_audio ?? "keep",
    channels: request.channels ?? "mix",
    words: request.hotwords ?? "",
  };
}

/** The options that are to be otherwise than the request has them; `{}` when none is. */
export function changesOf(request: JobRequest, after: Wishes): Partial<JobRequest> {
  const before = wishesOf(request);
  const changed = (Object.keys(after) as (keyof Wishes)[]).filter(
    (key) => after[key] !== before[key],
  );
  const changes: Partial<JobRequest> = Object.assign(
    {},
    ...changed.map((key) => change(key, after, request)),
  );
  return { ...changes, ...tidied({ ...request, ...changes }, changes) };
}

function change(key: keyof Wishes, wishes: Wishes, request: JobRequest): Partial<JobRequest> {
  const [engine = "", model = ""] = wishes.model.split("|");
  const many = wishes.speakers && wishes.many ? Number(wishes.many) : null;
  switch (key) {
    case "language":
      return { language: wishes.language || null };
    case "model":
      return { model: model || null, engines: without(request.engines, "transcribe", engine) };
    case "speakers":
    case "many":
      return { diarize: wishes.speakers, min_speakers: many, max_speakers: many };
    case "emotion":
      return { emotion: wishes.emotion };
    case "clean":
      return { cleanup: wishes.clean };
    case "summary":
      return { summary: wishes.summary };
    case "actions":
      return { action_items: wishes.actions };
    case "chapters":
      return { chapters: wishes.chapters };
    case "mask":
    case "maskAudio":
      return { redact: wishes.mask, redact_audio: wishes.mask ? wishes.maskAudio : "keep" };
    case "channels":
      return { channels: wishes.channels };
    case "words":
      return { hotwords: wishes.words.trim() || null };
  }
}

function without(engines: Record<string, string> | undefined, stage: string, engine = "") {
  const { [stage]: _, ...others } = engines ?? {};
  return engine ? { ...others, [stage]: engine } : others;
}

/** Engines, models and demands for stages that nobody wants any more go with them. */
function tidied(wanted: JobRequest, changes: Partial<JobRequest>): Partial<JobRequest> {
  const stages: [string, boolean | undefined, boolean][] = [
    ["diarize", wanted.diarize, "diarize" in changes],
    ["emotion", wanted.emotion, "emotion" in changes],
    ["redact", wanted.redact, "redact" in changes],
    [
      "cleanup",
      wanted.cleanup || wanted.summary || wanted.action_items || wanted.chapters,
      ["cleanup", "summary", "action_items", "chapters"].some((name) => name in changes),
    ],
  ];
  const gone = stages.filter(([, on, touched]) => touched && !on).map(([stage]) => stage);
  const out: Partial<JobRequest> = {};
  for (const stage of gone) {
    const { engines, models, required } = { ...wanted, ...out };
    if (engines && stage in engines) out.engines = without(engines, stage);
    if (models && stage in models) out.models = without(models, stage);
    if (required?.includes(stage)) out.required = required.filter((one) => one !== stage);
  }
  return out;
}
