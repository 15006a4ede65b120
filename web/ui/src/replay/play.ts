// Playing a past: the events come in the rhythm in which they came, or faster.

import { useEffect, useRef } from "preact/hooks";

export const SPEEDS = [1, 2, 5, 10, 20, 50, 100];
/** Where waits are cut short, none takes longer to watch than this. */
const LONGEST_MS = 800;

/** How long to wait, in ms of playing, from one event to the next one. */
export function wait(gapMs: number, speed: number, cut: boolean): number {
  const played = Math.max(0, gapMs) / speed;
  return cut ? Math.min(played, LONGEST_MS) : played;
}

/**
 * How far a step of `ms` gets: the index that is reached and the time left over. `times` are those of the
 * events in ms.
 */
export function advance(
  times: number[],
  from: number,
  ms: number,
  speed: number,
  cut: boolean,
): { index: number; left: number } {
  let [index, left] = [from, ms];
  while (index < times.length - 1) {
    const needed = wait((times[index + 1] ?? 0) - (times[index] ?? 0), speed, cut);
    if (needed > left) break;
    left -= needed;
    index += 1;
  }
  return { index, left };
}

interface Playing {
  on: boolean;
  times: number[];
  index: number;
  speed: number;
  cut: boolean;
  reach: (index: number) => void;
  end: () => void;
}

/** Plays while `on`; `reach` is told each new index, `end` that there is no more. */
export function usePlaying(playing: Playing): void {
  const latest = useRef(playing);
  latest.current = playing;
  useEffect(() => {
    if (!playing.on) return;
    let [before, left, frame] = [performance.now(), 0, 0];
    const step = (now: number) => {
      const { times, index, speed, cut, reach, end } = latest.current;
      const next = advance(times, index, left + now - before, speed, cut);
      [before, left] = [now, next.left];
      if (next.index !== index) reach(next.index);
      if (next.index >= times.length - 1) end();
      else frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing.on]);
}
