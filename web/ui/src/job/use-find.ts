// Words that are looked for in a transcript: all hits, and the one that one is at.

import { useEffect, useMemo, useState } from "preact/hooks";
import { find } from "./find";
import { plain, type Shown, type Transcript } from "./transcript";

export function useFind(transcript: Transcript | undefined, shown: Shown) {
  const [query, seek] = useState("");
  const [at, go] = useState(-1);
  const texts = useMemo(
    () => (transcript?.segments ?? []).map((segment) => plain(segment, shown)),
    [transcript, shown],
  );
  const hits = useMemo(() => find(texts, query), [texts, query]);
  // Other words begin at their first hit from here on, or at their first of all.
  // biome-ignore lint/correctness/useExhaustiveDependencies: as words are typed, not as hits change
  useEffect(() => {
    const row = rowInSight();
    const next = hits.findIndex((hit) => hit.segment >= row);
    go(hits.length ? Math.max(0, next) : -1);
  }, [query]);
  const step = (by: number) => hits.length && go((was) => (was + by + hits.length) % hits.length);
  return {
    hits,
    hit: hits[at],
    bar: { query, seek, hits: hits.length, at: Math.min(at, hits.length - 1), step },
  };
}

/** The segment that one reads, by where the page is scrolled to; 0 while none is in sight. */
function rowInSight(): number {
  const rows = [...document.querySelectorAll<HTMLElement>(".words [data-index]")];
  const top = document.querySelector(".words")?.getBoundingClientRect().top ?? 0;
  if (top > innerHeight * 0.3) return 0;
  const row = rows.find((one) => one.getBoundingClientRect().bottom > innerHeight * 0.3);
  return Number(row?.dataset.index ?? 0);
}
