// An answer of analytics as lines of a chart, and as links to the jobs behind. Pure.

import type { components } from "../api/schema";

export type Answer = components["schemas"]["QueryRows"];
export type Question = components["schemas"]["QueryView"];

/** What tells the rows of one line from those of another: the engine, the model… */
export type Key = Record<string, string>;

export interface Series {
  label: string;
  key: Key;
  /** One for each time of the chart; null where nothing is known. */
  values: (number | null)[];
  total: number;
}

export interface Chart {
  /** Beginnings of the buckets, in seconds since 1970. */
  times: number[];
  series: Series[];
  /** How many lines there would be besides. */
  others: number;
}

/** Columns with a measure that a chart can show, the first one by itself. */
export const MEASURES: Record<string, string[]> = {
  throughput: ["succeeded", "submitted", "failed", "cancelled", "audio_s", "took_s"],
  waiting: ["wait_p50_s", "wait_p95_s", "wait_max_s", "attempts"],
  rtf: ["rtf_p50", "rtf", "rtf_p95", "wall_s", "load_s", "audio_s", "attempts"],
  failures: ["failures", "share", "attempts"],
  talk_time: ["talk_s", "segments", "jobs"],
  cost: ["wall_s", "cost_usd", "tokens_in", "tokens_out", "attempts"],
};

/** Measures that are counted or summed up: bars from nought, and their sum means something. */
const SUMMED =
  /^(submitted|succeeded|failed|cancelled|failures|attempts|segments|jobs|tokens_.*|cost_usd|talk_s|wall_s|load_s|audio_s)$/;

export function summed(measure: string): boolean {
  return SUMMED.test(measure);
}

/** The rows as lines over time, those that matter most first. */
export function chartOf(answer: Answer, group: string[], measure: string, most = 8): Chart {
  const at = (name: string) => answer.columns.findIndex((column) => column.name === name);
  const [bucket, value] = [at("bucket"), at(measure)];
  if (bucket < 0 || value < 0) return { times: [], series: [], others: 0 };
  const times = spanned(answer, bucket);
  const place = new Map(times.map((time, i) => [time, i]));
  const lines = new Map<string, Series>();
  for (const row of answer.rows) {
    const key = keyOf(answer, group, row);
    const label =
      Object.values(key).filter(Boolean).join(" · ") ||
      (group.length ? "unnamed" : nameOf(measure));
    let line = lines.get(label);
    if (!line) {
      const blank = summed(measure) ? 0 : null;
      line = { label, key, values: times.map(() => blank), total: 0 };
      lines.set(label, line);
    }
    const i = place.get(secondsOf(row[bucket]));
    const number = row[value];
    if (i === undefined || typeof number !== "number") continue;
    line.values[i] = number;
    line.total += number;
  }
  const sorted = [...lines.values()].sort((a, b) => b.total - a.total);
  return { times, series: sorted.slice(0, most), others: Math.max(0, sorted.length - most) };
}

const STEPS: Record<string, number> = { minute: 60, hour: 3600, day: 86_400, week: 604_800 };
const MOST_TIMES = 2000;

/** The bucket of every moment of the range, with those in which nothing happened. */
function spanned(answer: Answer, bucket: number): number[] {
  const told = [...new Set(answer.rows.map((row) => secondsOf(row[bucket])))].sort((a, b) => a - b);
  const step = STEPS[answer.bucket];
  const first = told[0];
  if (first === undefined || !step) return told;
  let from = first;
  while (from - step >= Date.parse(answer.since) / 1000 - step) from -= step;
  const until = Math.max(Date.parse(answer.until) / 1000, told[told.length - 1] ?? first);
  if ((until - from) / step > MOST_TIMES) return told;
  const all = new Set(told);
  for (let time = from; time <= until; time += step) all.add(time);
  return [...all].sort((a, b) => a - b);
}

function secondsOf(value: unknown): number {
  return Math.round(Date.parse(String(value)) / 1000);
}

export function keyOf(answer: Answer, group: string[], row: unknown[]): Key {
  return Object.fromEntries(
    group.map((name) => {
      const i = answer.columns.findIndex((column) => column.name === name);
      return [name, String(row[i] ?? "")];
    }),
  );
}

/** The sum of a measure over all rows. */
export function totalOf(answer: Answer | undefined, measure: string): number {
  const i = answer?.columns.findIndex((column) => column.name === measure) ?? -1;
  return (answer?.rows ?? []).reduce((sum, row) => sum + (Number(row[i]) || 0), 0);
}

/** A measure's name for people: `wait_p50_s` is "wait p50". */
export function nameOf(column: string): string {
  return column.replace(/_s$/, "").replace(/_usd$/, "").replaceAll("_", " ");
}

/** Where the jobs behind a part of an answer are listed. */
export function jobsBehind(answer: Answer, key: Key, from?: number, until?: number): string {
  const step = STEPS[answer.bucket] ?? 0;
  const query = new URLSearchParams({
    since: from === undefined ? answer.since : iso(from),
    until: from === undefined ? answer.until : iso(until ?? from + step),
  });
  for (const name of ["stage", "engine", "model"]) if (key[name]) query.set(name, key[name]);
  return `/?${query}`;
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
