// What the list of engines adds up to, and the order in which it is read. Pure.

import type { EngineView } from "../api/types";

export type Replica = EngineView["replicas"][number];

/** Stages in the order in which audio goes through them. */
const ORDER = [
  "prepare", "language", "transcribe", "align", "diarize", "emotion", "cleanup", "merge", "redact",
]; // biome-ignore format: one list

/** Engines by stage, then by name. */
export function inOrder(engines: readonly EngineView[]): EngineView[] {
  const place = ({ stage }: EngineView) => ORDER.indexOf(stage) + 1 || ORDER.length + 1;
  return [...engines].sort((a, b) => place(a) - place(b) || (a.name < b.name ? -1 : 1));
}

export interface Sums {
  replicas: number;
  waiting: number;
  running: number;
  memory: number;
  loaded: number;
  /** Tasks that wait for an engine that nobody runs, or that takes none. */
  stuck: number;
}

export function sums(engines: readonly EngineView[]): Sums {
  const all = { replicas: 0, waiting: 0, running: 0, memory: 0, loaded: 0, stuck: 0 };
  for (const { replicas, queue, drained } of engines) {
    all.replicas += replicas.length;
    all.waiting += queue.waiting;
    all.running += queue.running;
    if (drained || !replicas.length) all.stuck += queue.waiting;
    for (const one of replicas) {
      all.memory += one.memory ?? 0;
      all.loaded += one.loaded?.length ?? 0;
    }
  }
  return all;
}
