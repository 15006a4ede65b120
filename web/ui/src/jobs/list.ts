// The list of jobs: pages of the API, and what is live laid over them.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { address, Problem, send } from "../api/client";
import type { JobList } from "../api/types";
import type { Job } from "../fold";
import { adopt, changes, jobs, snapshots } from "../store";
import { asked, type Filter, fits } from "./filter";

const PAGE = 100;
/** Whoever scrolls that far wants more at once. */
const LATER = 200;

export interface Listed {
  rows: Job[];
  /** Nothing has come yet. */
  loading: boolean;
  problem: Problem | undefined;
  /** Whether there are older ones. */
  more: boolean;
  /** Fetch the next page, unless that is under way. */
  grow: () => void;
  reload: () => void;
}

interface Pages {
  /** Newest first. */
  ids: Set<string>;
  /** The oldest that was fetched; null once there is nothing older. */
  next: string | null;
  loaded: boolean;
  /** Since which snapshot of the socket; the jobs of an older one are no longer known. */
  snapshot: number;
}

const NONE: Pages = { ids: new Set(), next: null, loaded: false, snapshot: -1 };

/** What was looked at last, so that whoever comes back finds it as it was. */
let kept = { key: "", pages: NONE };

/** Jobs that fit, newest first, as they are now. */
export function useJobList(filter: Filter): Listed {
  const key = JSON.stringify(filter);
  const [pages, setPages] = useState(kept.key === key ? kept.pages : NONE);
  const [problem, setProblem] = useState<Problem>();
  const [times, again] = useState(0);
  const busy = useRef<AbortController | null>(null);
  const depth = useRef(0);
  depth.current = pages.ids.size;

  // Fetch what comes after `before`, until there are `wanted` jobs more or no older ones.
  const load = useCallback(
    async (before: string | null, wanted: number) => {
      busy.current?.abort();
      const abort = new AbortController();
      busy.current = abort;
      try {
        const ids = new Set<string>();
        const snapshot = snapshots.peek();
        let next = before;
        do {
          const query = {
            ...asked(JSON.parse(key) as Filter),
            limit: next ? LATER : PAGE,
            before: next,
          };
          const path = address("/v1/jobs", {}, query);
          const page = await send<JobList>("GET", path, { signal: abort.signal });
          for (const view of page.jobs) ids.add(adopt(view).id);
          next = page.next;
        } while (next && ids.size < wanted);
        setProblem(undefined);
        setPages((was) => ({
          ids: new Set([...(before ? was.ids : []), ...ids]),
          next,
          loaded: true,
          snapshot,
        }));
      } catch (error) {
        if (abort.signal.aborted) return;
        setProblem(error instanceof Problem ? error : new Problem(0, String(error)));
      } finally {
        if (busy.current === abort) busy.current = null;
      }
    },
    [key],
  );

  // A fresh snapshot says that what was fetched before may be of another time.
  const fresh = snapshots.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `times` asks for it again
  useEffect(() => {
    const known = kept.key === key && kept.pages.snapshot === fresh && !times;
    if (!known) void load(null, kept.key === key ? depth.current : 0);
    return () => busy.current?.abort();
  }, [load, fresh, times, key]);

  useEffect(() => {
    if (pages.loaded) kept = { key, pages };
  }, [pages, key]);

  // Another filter begins with nothing.
  const last = useRef(key);
  useEffect(() => {
    if (last.current !== key) setPages(NONE);
    last.current = key;
  }, [key]);

  const now = changes.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the jobs change when it counts on
  const rows = useMemo(() => laid(pages, filter), [pages, key, now]);

  const grow = useCallback(() => {
    if (pages.next && !busy.current) void load(pages.next, 1);
  }, [pages.next, load]);
  return {
    rows,
    loading: !pages.loaded && !problem,
    problem,
    more: pages.next !== null,
    grow,
    reload: () => again((n) => n + 1),
  };
}

/** The pages as they are now, behind what is newer than the first of them. */
function laid({ ids, next, loaded }: Pages, filter: Filter): Job[] {
  const now = Date.now();
  const newer: Job[] = [];
  for (const job of jobs.values()) {
    // What is older than the last page is not known whole, so none of it is shown.
    const within = !ids.has(job.id) && loaded && (!next || job.id > next);
    if (within && fits(job, filter, now)) newer.push(job);
  }
  const rows: Job[] = [];
  for (const id of ids) {
    const job = jobs.get(id);
    if (job && fits(job, filter, now)) rows.push(job);
  }
  newer.sort((a, b) => (a.id < b.id ? 1 : -1));
  const inside =
    newer.length > 0 && rows.length > 0 && (newer.at(-1)?.id ?? "") < (rows[0]?.id ?? "");
  const all = [...newer, ...rows];
  return inside ? all.sort((a, b) => (a.id < b.id ? 1 : -1)) : all;
}
