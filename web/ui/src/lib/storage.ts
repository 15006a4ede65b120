// What the page remembers in this browser; where nothing can be kept it forgets, and goes on.

import { effect, type Signal, signal } from "@preact/signals";

/** A signal whose value outlives the page. `check` says whether what was kept still fits. */
export function remembered<T>(
  name: string,
  initial: T,
  check: (value: unknown) => value is T,
): Signal<T> {
  const key = `dalston.${name}`;
  const kept = signal<T>(read(key, initial, check));
  effect(() => {
    try {
      localStorage.setItem(key, JSON.stringify(kept.value));
    } catch {
      // Full, or forbidden.
    }
  });
  return kept;
}

function read<T>(key: string, initial: T, check: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return check(value) ? value : initial;
  } catch {
    return initial;
  }
}
