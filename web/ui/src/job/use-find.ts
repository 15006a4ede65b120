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
  // biome-ignore lint/correctness/useExhaustiveDependencies: other words begin at their first hit
  useEffect(() => go(hits.length ? 0 : -1), [query]);
  const step = (by: number) => hits.length && go((was) => (was + by + hits.length) % hits.length);
  return {
    hits,
    hit: hits[at],
    bar: { query, seek, hits: hits.length, at: Math.min(at, hits.length - 1), step },
  };
}
