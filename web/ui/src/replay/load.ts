// All events of a job: those of the archive page by page, then what is told live.

import { useEffect, useState } from "preact/hooks";
import { get, Problem } from "../api/client";
import type { components } from "../api/schema";
import type { CloudEvent } from "../api/types";
import { recentOf, snapshots, subscribe } from "../store";
import { extended, type Moment } from "./history";

type EventList = components["schemas"]["EventList"];

const PAGE = 1000;

interface Past {
  past: Moment[];
  /** Whether the beginning is there whole. */
  ready: boolean;
  problem?: Problem;
}

export function usePast(id: string): Past {
  const [state, set] = useState<Past>({ past: [], ready: false });
  const again = snapshots.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: after a fresh snapshot events may be missing
  useEffect(() => {
    const abort = new AbortController();
    const early: CloudEvent[] = [];
    let past: Moment[] = [];
    let ready = false;
    const add = (events: CloudEvent[]) => {
      past = extended(past, events);
      if (ready) set({ past, ready });
    };
    const stop = subscribe((event) => {
      if (event.subject !== id) return;
      if (ready) add([event]);
      else early.push(event);
    });
    const read = async () => {
      let after: number | null = 0;
      while (after !== null) {
        const query: { after: number; limit: number } = { after, limit: PAGE };
        const page: EventList = await get("/v1/jobs/{id}/events", {
          path: { id },
          query,
          signal: abort.signal,
        });
        add(page.events as CloudEvent[]);
        after = page.next ?? null;
      }
      ready = true;
      add([...recentOf(id), ...early]);
    };
    read().catch((error: unknown) => {
      if (abort.signal.aborted) return;
      set({ past, ready: past.length > 0, problem: error instanceof Problem ? error : undefined });
    });
    return () => {
      stop();
      abort.abort();
    };
  }, [id, again]);
  return state;
}
