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
  ids: Set<string>;
  /** The oldest that was fetched; null once there is nothing older. */
  next: string | null;
  loaded: boolean;
}

const NONE: Pages = { ids: new Set(), next: null, loaded: false };

/** Jobs that fit, newest first, as they are now. */
export function useJobList(filter: Filter): Listed {
  const key = JSON.stringify(filter);
  const [pages, setPages] = useState(NONE);
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
  // biome-ignore lint/correctness/useExhaustiveDependencies: to be told of both
  useEffect(() => {
    void load(null, depth.current);
    return () => busy.current?.abort();
  }, [load, fresh, times]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new filter begins with nothing
  useEffect(() => () => setPages(NONE), [key]);

  const now = changes.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the jobs change when it counts on
  const rows = useMemo(() => {
    const found: Job[] = [];
    const at = Date.now();
    for (const job of jobs.values()) {
      // What is older than the last page is not known whole, so none of it is shown.
      const within =
        pages.ids.has(job.id) || (pages.loaded && (!pages.next || job.id > pages.next));
      if (within && fits(job, filter, at)) found.push(job);
    }
    return found.sort((a, b) => (a.id < b.id ? 1 : -1));
  }, [pages, key, now]);

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
