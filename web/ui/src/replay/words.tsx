// The transcript as it was at a moment: what was heard so far, or the best that stages made of it.

import { useEffect, useState } from "preact/hooks";
import { Problem, send } from "../api/client";
import { Skeleton } from "../components/basics";
import type { Segment, Transcript } from "../job/transcript";
import { clock } from "../lib/format";
import { speakerColour } from "../lib/speakers";
import { type Moment, textAt } from "./history";

export interface Words {
  segments: Segment[];
  /** Who talks, in the order of the transcript, with the names given until then. */
  speakers: { id: string; name?: string | null }[];
  problem?: string;
}

const NOTHING: Words = { segments: [], speakers: [] };

/** What the API said of a job at a revision; it never changes, unless the job is erased. */
const known = new Map<string, Promise<Words>>();

function fetched(id: string, rev: number): Promise<Words> {
  const key = `${id}@${rev}`;
  const kept = known.get(key);
  if (kept) return kept;
  const coming = send<Transcript>("GET", `/v1/jobs/${id}/transcript`, { query: { at: rev } }).then(
    ({ segments, speakers }) => ({ segments, speakers: speakers ?? [] }),
    (error: Problem) => {
      known.delete(key);
      const problem = error instanceof Problem ? error.message : String(error);
      return { ...NOTHING, problem };
    },
  );
  known.set(key, coming);
  if (known.size > 50) known.delete(known.keys().next().value as string);
  return coming;
}

/** The words at a moment of the past; undefined while they are on the way. */
export function useWords(id: string, past: Moment[], index: number): Words | undefined {
  const rev = textAt(past, index);
  const [words, set] = useState<{ rev: number; words: Words }>();
  useEffect(() => {
    if (!rev) return;
    let gone = false;
    void fetched(id, rev).then((words) => gone || set({ rev, words }));
    return () => {
      gone = true;
    };
  }, [id, rev]);
  if (!rev) return { segments: past[index]?.heard.segments ?? [], speakers: [] };
  // What came for another revision stays meanwhile, so that nothing jumps.
  return words?.words;
}

export function WordsAt({ words, erased }: { words: Words | undefined; erased: boolean }) {
  if (erased) return <p class="dim small">The job was erased, its words too.</p>;
  if (!words) return <Skeleton lines={4} />;
  if (words.problem) return <p class="dim small wrap">{words.problem}</p>;
  if (!words.segments.length) return <p class="dim small">Nothing was heard yet.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <ol class="replay-words" tabIndex={0} aria-label="Words">
      {words.segments.map((segment, i) => (
        <Line key={i} segment={segment} speakers={words.speakers} />
      ))}
    </ol>
  );
}

function Line({ segment, speakers }: { segment: Segment; speakers: Words["speakers"] }) {
  const place = speakers.findIndex((one) => one.id === segment.speaker);
  const name = place >= 0 ? speakers[place]?.name || segment.speaker : segment.speaker;
  return (
    <li>
      <span class="num dim tiny">{clock(segment.start)}</span>
      <span class="wrap">
        {name && (
          <strong class="replay-speaker" style={{ color: speakerColour(Math.max(0, place)) }}>
            {name}{" "}
          </strong>
        )}
        {segment.text.trim()}
      </span>
    </li>
  );
}

/** All that is said as one text, for comparing. */
export function textOf(words: Words | undefined): string {
  return (words?.segments ?? [])
    .map((one) => `${one.speaker ? `${nameOf(words, one.speaker)}: ` : ""}${one.text.trim()}`)
    .join("\n");
}

function nameOf(words: Words | undefined, id: string): string {
  return words?.speakers.find((one) => one.id === id)?.name || id;
}
