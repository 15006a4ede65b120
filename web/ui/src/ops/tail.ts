// The log as a list that grows at its end: the last events that there were, then what comes.

import { useEffect, useRef, useState } from "preact/hooks";
import type { CloudEvent } from "../api/types";
import { cursor, snapshots, subscribe } from "../store";

/** Events that are kept to be looked at; older ones are in the archive. */
const KEPT = 3000;

/** Two stretches of the log as one, in order and each event once. Pure. */
export function joined(a: CloudEvent[], b: CloudEvent[], kept = KEPT): CloudEvent[] {
  const all = new Map<string, CloudEvent>();
  for (const event of [...a, ...b]) all.set(`${event.epoch} ${event.seq}`, event);
  const sorted = [...all.values()].sort((x, y) => x.epoch - y.epoch || x.seq - y.seq);
  return sorted.slice(-kept);
}

/** The log from so many events before now on; false while the past is on its way. */
export function useTail(before: number): { events: CloudEvent[]; ready: boolean } {
  const [state, set] = useState<{ events: CloudEvent[]; ready: boolean }>({
    events: [],
    ready: false,
  });
  const last = useRef<CloudEvent | undefined>(undefined);
  last.current = state.events.at(-1);
  const here = cursor.value !== null;
  // A fresh snapshot may leave out what was told meanwhile, or be of a log that took another turn.
  const fresh = snapshots.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a snapshot is a new beginning
  useEffect(() => {
    if (!here) return;
    let past: CloudEvent[] | null = [];
    let waiting: CloudEvent[] = [];
    let frame = 0;
    const add = (event: CloudEvent) => {
      waiting.push(event);
      frame ||= requestAnimationFrame(() => {
        const more = waiting;
        [waiting, frame] = [[], 0];
        if (past) past.push(...more);
        else set((was) => ({ ...was, events: joined(was.events, more) }));
      });
    };
    const stop = subscribe(add);
    // The same stream as the socket's, from a place in the past; it is left once it is live.
    const stream = new EventSource(`/v1/events?from=${begin(before, last.current)}`);
    stream.addEventListener("event", (message) =>
      add(JSON.parse((message as MessageEvent).data).event),
    );
    stream.addEventListener("caught_up", () => {
      stream.close();
      const events = joined(past ?? [], waiting);
      [past, waiting] = [null, []];
      set({ events, ready: true });
    });
    return () => {
      stop();
      stream.close();
      cancelAnimationFrame(frame);
    };
  }, [here, before, fresh]);
  return state;
}

/** Where to read from, so that nothing is left out after the last event that is known. */
function begin(before: number, last: CloudEvent | undefined): number {
  const now = cursor.peek()?.seq ?? 0;
  const known = last ? last.seq + 1 : now;
  return Math.max(1, now - KEPT + 1, Math.min(now - before + 1, known));
}
