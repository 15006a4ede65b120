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

/** Keeps the height of the page's header in --bar: what sticks below it goes by that. */
export function useBar(): void {
  useEffect(() => {
    const bar = document.querySelector<HTMLElement>(".bar");
    if (!bar) return;
    const measure = () =>
      document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`);
    const watch = new ResizeObserver(measure);
    watch.observe(bar);
    measure();
    return () => watch.disconnect();
  }, []);
}
