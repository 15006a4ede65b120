// The transcript as the API gives it (streams/transcript.py), and its text cut where the words are.

export interface Word {
  text: string;
  /** Seconds from the start of the audio, as all times here. */
  start: number;
  end: number;
  probability?: number | null;
  speaker?: string | null;
}

export interface Emotion {
  label: string;
  scores?: Record<string, number>;
}

export interface Segment {
  start: number;
  end: number;
  text: string;
  words?: Word[];
  speaker?: string | null;
  channel?: number | null;
  language?: string | null;
  emotion?: Emotion | null;
  clean?: { text: string; words?: Word[]; paragraph?: boolean } | null;
  edited?: boolean;
}

export interface Provenance {
  stage: string;
  engine: string;
  version: string;
  token: number;
  model?: string | null;
  model_sha256?: string | null;
  parameters?: Record<string, unknown>;
}

export interface Notes {
  summary?: string | null;
  action_items?: string[];
  chapters?: { start: number; title: string }[];
}

export interface Redacted {
  kind: string;
  start: number;
  end: number;
  segment: number;
  score?: number | null;
  channel?: number | null;
}

export interface Transcript {
  duration: number;
  segments: Segment[];
  language?: string | null;
  language_probability?: number | null;
  speakers?: { id: string; name?: string | null }[];
  warnings?: string[];
  provenance?: Provenance[];
  notes?: Notes | null;
  redactions?: Redacted[];
  audio?: unknown[];
}

/** Which of the texts is shown: what was said, or what was made of it to read. */
export type Shown = "said" | "clean";

/** A segment's text and words as they are shown; where nothing was cleaned, what was said. */
export function shownOf(segment: Segment, shown: Shown): { text: string; words: Word[] } {
  const { text, words } = shown === "clean" && segment.clean ? segment.clean : segment;
  return { text, words: words ?? [] };
}

/** A word and what stands between it and the one before. */
export interface Piece {
  before: string;
  word: Word;
}

/**
 * A text cut where its words are, so that pieces and rest put together are the text again: scripts
 * without blanks get none. Words that are not in the text stand with blanks between.
 */
export function pieces(text: string, words: Word[]): { parts: Piece[]; rest: string } {
  const parts: Piece[] = [];
  let at = 0;
  for (const word of words) {
    const found = text.indexOf(word.text, at);
    if (found < 0 || !word.text) return loose(words);
    parts.push({ before: text.slice(at, found), word });
    at = found + word.text.length;
  }
  return { parts, rest: text.slice(at) };
}

function loose(words: Word[]): { parts: Piece[]; rest: string } {
  return { parts: words.map((word, i) => ({ before: i ? " " : "", word })), rest: "" };
}

/** What a row shows as text: the same as what is searched. */
export function plain(segment: Segment, shown: Shown): string {
  const { text, words } = shownOf(segment, shown);
  if (!words.length) return text;
  const { parts, rest } = pieces(text, words);
  return parts.map(({ before, word }) => before + word.text).join("") + rest;
}
