// Hooks that several views need.

import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client";

export interface Loaded<T> {
  /** What came last; it stays while newer data is on the way, so that nothing jumps. */
  value: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  reload: () => void;
}

/** Load something, again whenever `deps` change; a later answer replaces an earlier one, never the reverse. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: unknown[]): Loaded<T> {
  const [state, set] = useState<Omit<Loaded<T>, "reload">>({
    value: undefined,
    problem: undefined,
    loading: true,
  });
  const [times, again] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the caller names what it depends on
  useEffect(() => {
    const abort = new AbortController();
    set((was) => ({ ...was, loading: true }));
    load(abort.signal).then(
      (value) => abort.signal.aborted || set({ value, problem: undefined, loading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(0, String(error));
        set((was) => ({ ...was, problem, loading: false }));
      },
    );
    return () => abort.abort();
  }, [...deps, times]);
  return { ...state, reload: () => again((n) => n + 1) };
}

/** Call something every so often while the page is looked at. */
export function useEvery(ms: number, call: () => void): void {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && latest.current(), ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/** The title of the tab. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Dalston` : "Dalston";
  }, [title]);
}

/** A value once it has kept still for so long. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
