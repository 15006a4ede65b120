// Hooks of the views of a job.

import { useEffect, useState } from "preact/hooks";

/** Whether the window is too narrow for things side by side. */
export function useNarrow(query = "(max-width: 720px)"): boolean {
  const [narrow, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const change = () => set(media.matches);
    change();
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, [query]);
  return narrow;
}

/** The time in ms, again every `every` ms while `ticking` and while the page is looked at. */
export function useNow(ticking: boolean, every = 1000): number {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    set(Date.now());
    if (!ticking) return;
    const timer = setInterval(
      () => document.visibilityState === "visible" && set(Date.now()),
      every,
    );
    return () => clearInterval(timer);
  }, [ticking, every]);
  return now;
}

/** Keeps the height of what a selector finds in a property of the page: what sticks below goes by it. */
export function useHeight(selector: string, property: string, again: unknown): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is looked for again when that changes
  useEffect(() => {
    const node = document.querySelector<HTMLElement>(selector);
    const root = document.documentElement.style;
    if (!node) {
      root.setProperty(property, "0px");
      return;
    }
    const measure = () => root.setProperty(property, `${node.offsetHeight}px`);
    const watch = new ResizeObserver(measure);
    watch.observe(node);
    measure();
    return () => watch.disconnect();
  }, [selector, property, again]);
}
