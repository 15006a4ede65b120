// What is when: the word at a time, the speakers' turns, how long each talks. Pure, and quick for 30,000 words.

import { type Segment, type Shown, shownOf, type Transcript } from "./transcript";

/** The words of a transcript by time. A segment without words counts as one. */
export interface Timeline {
  /** Start times in seconds, ascending. */
  starts: Float64Array;
  ends: Float64Array;
  /** Number of the word (in the order of the text) at each place of `starts`. */
  words: Int32Array;
  /** Segment → number of its first word; one more at the end. */
  first: Int32Array;
}

/** A word stays lit so long after its end, unless another begins. */
const LINGER_S = 0.6;

export function timelineOf(segments: readonly Segment[], shown: Shown): Timeline {
  const first = new Int32Array(segments.length + 1);
  const spans: { start: number; end: number; word: number }[] = [];
  for (const [i, segment] of segments.entries()) {
    first[i] = spans.length;
    const { words } = shownOf(segment, shown);
    for (const { start, end } of words.length ? words : [segment])
      spans.push({ start, end, word: spans.length });
  }
  first[segments.length] = spans.length;
  spans.sort((a, b) => a.start - b.start || a.word - b.word);
  return {
    starts: Float64Array.from(spans, (span) => span.start),
    ends: Float64Array.from(spans, (span) => span.end),
    words: Int32Array.from(spans, (span) => span.word),
    first,
  };
}

/** How many of `values` (ascending) are at most `value`. */
export function upTo(values: ArrayLike<number>, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Number of the word that is heard at a time; -1 in silence. */
export function wordAt(timeline: Timeline, seconds: number): number {
  const place = upTo(timeline.starts, seconds) - 1;
  if (place < 0 || seconds > (timeline.ends[place] as number) + LINGER_S) return -1;
  return timeline.words[place] as number;
}

/** Number of the word nearest to a time: the one heard, else the one before it, else the first. */
export function wordNear(timeline: Timeline, seconds: number): number {
  const place = Math.max(0, upTo(timeline.starts, seconds) - 1);
  return timeline.words[place] ?? -1;
}

/** The segment that a word is in. */
export function segmentOf(timeline: Timeline, word: number): number {
  return Math.max(0, upTo(timeline.first.subarray(0, -1), word) - 1);
}

export interface Band {
  start: number;
  end: number;
  /** A speaker, or an emotion. */
  of: string;
}

/** Pauses shorter than this do not end a turn. */
const PAUSE_S = 1;

/**
 * Stretches in which somebody talks, in the order in which they begin; by words where they know who
 * says them. Those of several may overlap, as their talk does.
 */
export function turns(segments: readonly Segment[]): Band[] {
  const bySpeaker = new Map<string, Band[]>();
  const say = (start: number, end: number, of: string) => {
    const said = bySpeaker.get(of);
    if (said) said.push({ start, end, of });
    else bySpeaker.set(of, [{ start, end, of }]);
  };
  for (const segment of segments) {
    const words = (segment.words ?? []).filter((word) => word.speaker);
    for (const word of words) say(word.start, word.end, word.speaker as string);
    if (!words.length && segment.speaker) say(segment.start, segment.end, segment.speaker);
  }
  return [...bySpeaker.values()]
    .flatMap((said) =>
      joined(
        said.sort((a, b) => a.start - b.start),
        PAUSE_S,
      ),
    )
    .sort((a, b) => a.start - b.start);
}

/** Stretches of the same emotion in a row. */
export function moods(segments: readonly Segment[]): Band[] {
  const felt = segments.flatMap(({ start, end, emotion }) =>
    emotion ? [{ start, end, of: emotion.label }] : [],
  );
  return joined(felt, PAUSE_S);
}

function joined(bands: Band[], pause: number): Band[] {
  const out: Band[] = [];
  for (const band of bands) {
    const last = out[out.length - 1];
    if (last && last.of === band.of && band.start - last.end < pause)
      last.end = Math.max(last.end, band.end);
    else out.push({ ...band });
  }
  return out;
}

/** The first turn of somebody else after a time; undefined when there is none. */
export function nextTurn(bands: readonly Band[], seconds: number): Band | undefined {
  const now = bands.findLast((band) => band.start <= seconds + 0.01);
  return bands.find((band) => band.start > seconds + 0.01 && band.of !== now?.of);
}

export interface Talk {
  id: string;
  seconds: number;
  /** Of all that is said, 0 to 1. */
  share: number;
  turns: number;
}

/** How long each talks, in the order in which they are known. */
export function talk(transcript: Transcript): Talk[] {
  const bands = turns(transcript.segments);
  const known = (transcript.speakers ?? []).map((speaker) => speaker.id);
  const ids = [...new Set([...known, ...bands.map((band) => band.of)])];
  const spoken = new Map<string, number>();
  for (const segment of transcript.segments) {
    const words = (segment.words ?? []).filter((word) => word.speaker);
    if (!words.length) add(spoken, segment.speaker, segment.end - segment.start);
    for (const run of joined(
      words.map(({ start, end, speaker }) => ({ start, end, of: speaker as string })),
      PAUSE_S,
    )) {
      add(spoken, run.of, run.end - run.start);
    }
  }
  const all = [...spoken.values()].reduce((sum, seconds) => sum + seconds, 0);
  return ids.map((id) => {
    const seconds = spoken.get(id) ?? 0;
    return {
      id,
      seconds,
      share: all ? seconds / all : 0,
      turns: bands.filter((band) => band.of === id).length,
    };
  });
}

function add(sums: Map<string, number>, id: string | null | undefined, seconds: number): void {
  if (id) sums.set(id, (sums.get(id) ?? 0) + Math.max(0, seconds));
}

/** How much of the time each emotion has, the most first. */
export function feelings(bands: readonly Band[]): { label: string; share: number }[] {
  const sums = new Map<string, number>();
  for (const band of bands) add(sums, band.of, band.end - band.start);
  const all = [...sums.values()].reduce((sum, seconds) => sum + seconds, 0);
  return [...sums]
    .map(([label, seconds]) => ({ label, share: all ? seconds / all : 0 }))
    .sort((a, b) => b.share - a.share);
}
