// The log as a list that grows at its end: the last events that there were, then what comes.

import { useEffect, useState } from "preact/hooks";
import type { CloudEvent } from "../api/types";
import { cursor, subscribe } from "../store";

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
  const here = cursor.value !== null;
  useEffect(() => {
    if (!here) return;
    let waiting: CloudEvent[] = [];
    let frame = 0;
    const add = (event: CloudEvent) => {
      waiting.push(event);
      frame ||= requestAnimationFrame(() => {
        const more = waiting;
        [waiting, frame] = [[], 0];
        set((was) => ({ ...was, events: joined(was.events, more) }));
      });
    };
    const stop = subscribe(add);
    const first = Math.max(1, (cursor.peek()?.seq ?? 0) - before + 1);
    // The same stream as the socket's, from a place in the past; it is left once it is live.
    const past = new EventSource(`/v1/events?from=${first}`);
    past.addEventListener("event", (message) =>
      add(JSON.parse((message as MessageEvent).data).event),
    );
    const done = () => {
      past.close();
      set((was) => ({ ...was, ready: true }));
    };
    past.addEventListener("caught_up", done);
    return () => {
      stop();
      past.close();
      cancelAnimationFrame(frame);
    };
  }, [here, before]);
  return state;
}
