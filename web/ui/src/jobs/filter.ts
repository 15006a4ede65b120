// Which jobs are looked at: kept in the address, asked of the API, and checked on live ones here.

import type { JobView } from "../api/types";

export interface Filter {
  status: string;
  /** Part of the file's name. */
  q: string;
  /** "24h", "7d", "30d": no older than that. */
  since: string;
  engine: string;
  model: string;
}

const NAMES = ["status", "q", "since", "engine", "model"] as const;

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

/** Whether a job belongs to what is looked at, as the API would have it. */
export function fits(job: JobView, filter: Filter, now: number): boolean {
  if (job.erased) return false;
  if (filter.status && job.status !== filter.status) return false;
  if (filter.q && !job.filename.toLowerCase().includes(filter.q.toLowerCase())) return false;
  if (filter.since && now - Date.parse(job.submitted_at) > seconds(filter.since) * 1000)
    return false;
  if (filter.engine && !job.stages.some((stage) => stage.engine === filter.engine)) return false;
  return !filter.model || job.stages.some((stage) => stage.model === filter.model);
}

const UNITS: Record<string, number> = { m: 60, h: 3600, d: 86_400, w: 604_800 };

/** "7d" in seconds; a point in time counts from now on, and anything else for ever. */
export function seconds(since: string): number {
  const found = /^(\d+)([mhdw])$/.exec(since);
  if (found) return Number(found[1]) * (UNITS[found[2] ?? ""] ?? 0);
  const then = Date.parse(since);
  return Number.isNaN(then) ? Number.POSITIVE_INFINITY : (Date.now() - then) / 1000;
}
