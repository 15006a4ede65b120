// Where the page is: the history API, and a table of views that are loaded when they are wanted.

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

export interface Place {
  /** The path, as it is written. */
  path: string;
  /** What the pattern's names stand for here. */
  params: Record<string, string>;
  query: URLSearchParams;
  hash: string;
}

export interface ViewProps {
  params: Record<string, string>;
  query: URLSearchParams;
}

export interface View {
  pattern: string;
  title: string;
  load: () => Promise<{ default: ComponentType<ViewProps> }>;
  /** Whether it is to be seen without being signed in. */
  public?: boolean;
}

/** The place the page is at; changes with every navigation. */
export const place = signal<Place>(here());

function here(): Place {
  const { pathname, search, hash } = location;
  return { path: pathname, params: {}, query: new URLSearchParams(search), hash: hash.slice(1) };
}

/** Go to a path of ours. `replace` leaves no step to go back to. */
export function go(to: string, { replace = false, keepScroll = false } = {}): void {
  const url = new URL(to, location.href);
  if (url.href === location.href) return;
  const stays = url.pathname === location.pathname;
  if (!replace) history.replaceState({ y: scrollY }, "");
  history[replace ? "replaceState" : "pushState"](null, "", url);
  place.value = here();
  if (!stays && !keepScroll) scrollTo(0, 0);
}

/** The same place with some parameters of the query changed; empty ones go. */
export function withQuery(changes: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${place.value.path}?${text}` : place.value.path;
}

/** What a pattern like /jobs/:id makes of a path; null when it does not fit. */
export function matched(pattern: string, path: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split("/"), path.replace(/(.)\/$/, "$1").split("/")];
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const text = given[i] ?? "";
    if (part.startsWith(":")) {
      const name = part.replace(/[:?]/g, "");
      if (text) params[name] = decode(text);
      else if (!part.endsWith("?")) return null;
    } else if (part !== text) return null;
  }
  return given.length <= wanted.length ? params : null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Scroll to where it was, as soon as the view is long enough; whoever scrolls first wins. */
function scrollBack(y: number): void {
  const until = performance.now() + 2000;
  let touched = false;
  const stop = () => {
    touched = true;
  };
  for (const kind of ["wheel", "touchstart", "keydown"]) {
    addEventListener(kind, stop, { once: true, passive: true });
  }
  const turn = () => {
    if (touched || performance.now() > until) return;
    scrollTo(0, y);
    if (Math.abs(scrollY - y) > 1) requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
}

/** Follow links of ours without loading the page again. */
export function listen(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", ({ state }) => {
    place.value = here();
    scrollBack((state as { y?: number } | null)?.y ?? 0);
  });
  addEventListener("pagehide", () => history.replaceState({ y: scrollY }, ""));
  scrollBack((history.state as { y?: number } | null)?.y ?? 0);
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element).closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin)
      return;
    if (/^\/(v1|openapi\.json|assets|metrics|healthz|readyz)(\/|$)/.test(link.pathname)) return;
    if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
    event.preventDefault();
    go(link.href);
  });
}
