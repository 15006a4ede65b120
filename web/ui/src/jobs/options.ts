// What is asked of a transcription, as people choose it, and as the API takes it.

export interface Wishes {
  language: string;
  /** "engine|model"; empty parts leave the choice to the server. */
  model: string;
  speakers: boolean;
  /** How many speak; "" is to be found out. */
  many: string;
  emotion: boolean;
  clean: boolean;
  summary: boolean;
  actions: boolean;
  chapters: boolean;
  mask: boolean;
  maskAudio: "keep" | "beep" | "silence";
  channels: "mix" | "separate";
  words: string;
}

export const NOTHING: Wishes = {
  language: "",
  model: "",
  speakers: false,
  many: "",
  emotion: false,
  clean: false,
  summary: false,
  actions: false,
  chapters: false,
  mask: false,
  maskAudio: "keep",
  channels: "mix",
  words: "",
};

/** Whether a value from this browser's memory is wishes: of these fields, each of its kind. */
export function areWishes(value: unknown): value is Wishes {
  if (typeof value !== "object" || value === null) return false;
  const given = value as Record<string, unknown>;
  return Object.entries(NOTHING).every(([name, plain]) => typeof given[name] === typeof plain);
}

/** The fields of POST /v1/jobs; what is not wished for is not sent. */
export function fieldsOf(wishes: Wishes): Record<string, string> {
  const [engine = "", model = ""] = wishes.model.split("|");
  const flags = {
    diarize: wishes.speakers,
    emotion: wishes.emotion,
    cleanup: wishes.clean,
    summary: wishes.summary,
    action_items: wishes.actions,
    chapters: wishes.chapters,
    redact: wishes.mask,
  };
  const fields: Record<string, string> = {
    language: wishes.language,
    model,
    engines: engine && `transcribe=${engine}`,
    hotwords: wishes.words.trim(),
    channels: wishes.channels === "separate" ? "separate" : "",
    redact_audio: wishes.mask && wishes.maskAudio !== "keep" ? wishes.maskAudio : "",
  };
  if (wishes.speakers) fields.min_speakers = fields.max_speakers = wishes.many;
  for (const [name, on] of Object.entries(flags)) fields[name] = on ? "true" : "";
  return Object.fromEntries(Object.entries(fields).filter(([, text]) => text));
}

/** The wishes in a few words, to be read while they are folded away. */
export function inWords(wishes: Wishes, nameOf: (language: string) => string): string {
  const [engine = "", model = ""] = wishes.model.split("|");
  const said = [
    wishes.language ? nameOf(wishes.language) : "language detected",
    wishes.speakers ? (wishes.many ? `${wishes.many} speakers` : "speakers") : "",
    wishes.emotion ? "emotion" : "",
    wishes.clean ? "clean text" : "",
    wishes.summary || wishes.actions || wishes.chapters ? "notes" : "",
    wishes.mask ? "masked" : "",
    wishes.channels === "separate" ? "one speaker a channel" : "",
    model || engine,
  ];
  return said.filter(Boolean).join(", ");
}
