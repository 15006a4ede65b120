// Which jobs are looked at: kept in the address, asked of the API, and checked on live ones here.

import type { JobView } from "../api/types";

export interface Filter {
  status: string;
  /** Part of the file's name. */
  q: string;
  /** "24h", "7d", "30d": no older than that; or a point in time. */
  since: string;
  until: string;
  stage: string;
  engine: string;
  model: string;
}

const NAMES = ["status", "q", "since", "until", "stage", "engine", "model"] as const;

export function filterOf(query: URLSearchParams): Filter {
  const entries = NAMES.map((name) => [name, query.get(name) ?? ""]);
  return Object.fromEntries(entries) as unknown as Filter;
}

/** Whether anything is left out. */
export function narrows(filter: Filter): boolean {
  return NAMES.some((name) => filter[name]);
}

/** The query of GET /v1/jobs. */
export function asked(filter: Filter): Record<string, string> {
  return Object.fromEntries(NAMES.map((name) => [name, filter[name]]).filter(([, value]) => value));
}

/** Whether a job belongs to what is looked at, as the API would have it; `now` in ms. */
export function fits(job: JobView, filter: Filter, now: number): boolean {
  if (job.erased) return false;
  if (filter.status && job.status !== filter.status) return false;
  if (filter.q && !job.filename.toLowerCase().includes(filter.q.toLowerCase())) return false;
  if (filter.since && Date.parse(job.submitted_at) < moment(filter.since, now)) return false;
  if (filter.until && Date.parse(job.submitted_at) >= moment(filter.until, now)) return false;
  const { stage, engine, model } = filter;
  if (!stage && !engine && !model) return true;
  return job.stages.some(
    (one) =>
      !one.left_out &&
      (!stage || one.name === stage) &&
      (!engine || one.engine === engine) &&
      (!model || one.model === model),
  );
}

const UNITS: Record<string, number> = { m: 60, h: 3600, d: 86_400, w: 604_800 };

/** "7d" before now, or a point in time, in ms; what is neither was always. */
export function moment(text: string, now: number): number {
  const found = /^(\d+)([mhdw])$/.exec(text);
  if (found) return now - Number(found[1]) * (UNITS[found[2] ?? ""] ?? 0) * 1000;
  const then = Date.parse(text);
  return Number.isNaN(then) ? Number.NEGATIVE_INFINITY : then;
}
