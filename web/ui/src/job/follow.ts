// The word that is heard is lit, and the page goes along until the reader goes elsewhere.

import type { RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Player } from "./player";
import { segmentOf, type Timeline, wordAt, wordNear } from "./timeline";

interface Given {
  box: RefObject<HTMLElement | null>;
  player: Player;
  timeline: Timeline;
  scrollTo: RefObject<(index: number, align?: "start" | "center" | "auto") => void>;
  /** The word of a moment that a link speaks of; -1 for none. */
  markWord: number;
}

const SCROLLS = new Set(["PageUp", "PageDown", "Home", "End"]);

/** Lights words; `away` once the reader has scrolled off while it plays, and `resume` to go along again. */
export function useFollow({ box, player, timeline, scrollTo, markWord }: Given) {
  const [away, leave] = useState(false);
  const following = useRef(true);
  const resume = useCallback(() => {
    following.current = true;
    leave(false);
    const word = wordNear(timeline, player.time.peek());
    if (word >= 0) bring(box.current, segmentOf(timeline, word), scrollTo.current);
  }, [box, player, timeline, scrollTo]);

  useEffect(() => {
    const off = () => {
      if (!player.playing.peek() || !following.current) return;
      following.current = false;
      leave(true);
    };
    const key = (event: KeyboardEvent) =>
      SCROLLS.has(event.key) &&
      !(event.target as Element).closest("[role=slider], input, textarea") &&
      off();
    const bar = (event: PointerEvent) => event.target === document.documentElement && off();
    addEventListener("wheel", off, { passive: true });
    addEventListener("touchmove", off, { passive: true });
    addEventListener("keydown", key);
    addEventListener("pointerdown", bar);
    return () => {
      removeEventListener("wheel", off);
      removeEventListener("touchmove", off);
      removeEventListener("keydown", key);
      removeEventListener("pointerdown", bar);
    };
  }, [player]);

  useEffect(() => {
    let lit: Element | null = null;
    let at = -1;
    let row = -1;
    const light = (now: number) => {
      const word = wordAt(timeline, now);
      // A row that was drawn anew, or came into the document only now, has lost its light.
      if (word === at && (word < 0 || (lit?.isConnected && lit.classList.contains("lit")))) return;
      lit?.classList.remove("lit");
      at = word;
      lit = word < 0 ? null : (box.current?.querySelector(`[data-w="${word}"]`) ?? null);
      lit?.classList.add("lit");
      if (word < 0) return;
      const segment = segmentOf(timeline, word);
      if (segment === row) return;
      row = segment;
      if (following.current && player.playing.peek()) bring(box.current, row, scrollTo.current);
    };
    const stop = player.time.subscribe(light);
    const begun = player.playing.subscribe((playing) => {
      following.current = true;
      if (!playing) leave(false);
      else if (row >= 0) bring(box.current, row, scrollTo.current);
    });
    return () => {
      stop();
      begun();
      lit?.classList.remove("lit");
    };
  }, [box, player, timeline, scrollTo]);

  useEffect(() => {
    if (markWord < 0) return;
    // Its row may not be in the document yet, and may leave it again.
    const show = () =>
      box.current?.querySelector(`[data-w="${markWord}"]`)?.classList.add("moment");
    show();
    const watch = new MutationObserver(show);
    if (box.current) watch.observe(box.current, { childList: true, subtree: true });
    const node = box.current;
    return () => {
      watch.disconnect();
      node?.querySelector(".moment")?.classList.remove("moment");
    };
  }, [box, markWord]);

  return { away, resume };
}

const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** Bring a row to the middle, unless it is well in sight. */
function bring(
  box: HTMLElement | null,
  index: number,
  scrollTo: Given["scrollTo"]["current"],
): void {
  const row = box?.querySelector(`[data-index="${index}"]`)?.getBoundingClientRect();
  if (!row) {
    scrollTo?.(index, "center");
    return;
  }
  if (row.top > innerHeight * 0.35 && row.bottom < innerHeight * 0.8) return;
  const to = scrollY + row.top - innerHeight * 0.45;
  window.scrollTo({ top: to, behavior: CALM.matches ? "auto" : "smooth" });
}
