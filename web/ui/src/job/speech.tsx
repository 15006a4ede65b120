// What was said: the audio above, the words below, and what is known about them beside.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Badge } from "../components/basics";
import { ended } from "../components/status";
import { tell } from "../components/toast";
import type { Job } from "../fold";
import { remembered } from "../lib/storage";
import { type Access, change, mayWrite } from "./access";
import { copyMoment, skip } from "./controls";
import { Dock } from "./dock";
import { KeysDialog } from "./keys-dialog";
import { NoWords } from "./no-words";
import { Panels } from "./panels";
import { peopleOf } from "./people";
import { Player } from "./player";
import { useShortcuts } from "./shortcuts";
import { segmentOf, type Timeline, timelineOf, turns, wordNear } from "./timeline";
import type { Segment, Shown } from "./transcript";
import { useHeight } from "./use";
import { useOriginals } from "./use-audio";
import { useFind } from "./use-find";
import type { Best } from "./use-transcript";
import { Words } from "./words";
import { LOWS, WordsBar } from "./words-bar";

const low = remembered("low", 0.5, (value): value is number => LOWS.includes(value as number));
const shownText = remembered<Shown>(
  "text",
  "said",
  (value): value is Shown => value === "said" || value === "clean",
);
const NONE: Segment[] = [];

interface Props {
  access: Access;
  job: Job;
  best: Best;
  /** A moment that the address speaks of, in seconds. */
  at: number | undefined;
}

export function Speech({ access, job, best, at }: Props) {
  const player = useMemo(() => new Player(), []);
  useEffect(() => () => player.close(), [player]);
  const { transcript, from } = best;
  const [track, setTrack] = useState(0);
  const shown = shownText.value;
  const segments = transcript?.segments ?? NONE;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a signal is read where it is drawn
  const timeline = useMemo(() => timelineOf(segments, shown), [segments, shown]);
  const talking = useMemo(() => turns(segments), [segments]);
  const people = useMemo(() => peopleOf(transcript, job.names), [transcript, job.names]);
  const prepared = job.stages.some(
    ({ name, status }) => name === "prepare" && status === "completed",
  );
  const audible = job.request.redact ? job.transcript : prepared;
  const mayEdit = mayWrite(access) && from === "final";
  const [keysShown, showKeys] = useState(false);
  const [editing, edit] = useState<number | null>(null);
  const keys = useCallback(() => showKeys(true), []);
  const finding = useFind(transcript, shown);
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({
    " ": () => audible && player.toggle(),
    ArrowRight: () => player.seek(player.time.value + 5),
    ArrowLeft: () => player.seek(player.time.value - 5),
    n: () => skip(player, talking),
    "<": () => player.shift(-1),
    ">": () => player.shift(1),
    c: () => void copyMoment(access, player),
    "/": () => field.current?.focus({ preventScroll: true }),
    e: () => mayEdit && edit(segmentNow(timeline, player.time.value)),
    "?": () => showKeys(true),
  });
  const originals = useOriginals(access, job, from === "final");
  const save = useCallback(
    async (index: number, text: string | null) => {
      await change(access, "PUT", `/segments/${index}`, { text });
      tell(
        text === null
          ? "What was heard stands again."
          : "Corrected. What was heard is kept beside it.",
      );
    },
    [access],
  );
  const rename = useCallback(
    async (speaker: string, name: string) => {
      await change(access, "PUT", `/speakers/${encodeURIComponent(speaker)}`, { name });
    },
    [access],
  );
  const jump = useCallback((seconds: number) => player.seek(seconds), [player]);
  useHeight(".dock", "--dock", audible);
  const some = transcript !== undefined && segments.length > 0;
  const beside = transcript !== undefined && from !== "heard";
  return (
    <div class="speech">
      <Dock
        {...{
          access,
          job,
          player,
          transcript,
          people,
          talking,
          audible,
          track,
          setTrack,
          keys,
          at,
        }}
      />
      <KeysDialog open={keysShown} close={() => showKeys(false)} />
      <div class="speech-parts" data-alone={(!beside && ended(job.status)) || undefined}>
        <section class="card flush" aria-label="Transcript">
          {(some || !ended(job.status)) && (
            <WordsBar
              field={field}
              {...finding.bar}
              shown={shown}
              cleaned={segments.some((segment) => segment.clean)}
              show={(one) => {
                shownText.value = one;
              }}
              low={low.value}
              setLow={(value) => {
                low.value = value;
              }}
              sure={segments.some(surely)}
            >
              {some && from !== "final" && <Draft from={from} over={ended(job.status)} />}
            </WordsBar>
          )}
          {some ? (
            <Words
              {...{
                transcript,
                timeline,
                shown,
                people,
                player,
                save,
                originals,
                mayEdit,
                editing,
                edit,
              }}
              low={low.value}
              hearTrack={setTrack}
              hits={finding.hits}
              hit={finding.hit}
              mark={from === "final" ? at : undefined}
            />
          ) : (
            <NoWords job={job} best={best} />
          )}
        </section>
        {beside && <Panels {...{ transcript, people, rename, jump, mayEdit }} />}
      </div>
    </div>
  );
}

/** The segment that is heard at a time, or was last; null where there are none. */
function segmentNow(timeline: Timeline, seconds: number): number | null {
  const word = wordNear(timeline, seconds);
  return word < 0 ? null : segmentOf(timeline, word);
}

/** Whether words come with how sure they are. */
function surely(segment: Segment): boolean {
  return segment.words?.some((word) => typeof word.probability === "number") ?? false;
}

function Draft({ from, over }: { from: "heard" | "draft"; over: boolean }) {
  const why = over
    ? "The job ended before it was done."
    : from === "heard"
      ? "Later stages may still change it."
      : "The stages that are not done yet make it better.";
  return (
    <span class="draft" title={why} role="status">
      <Badge tone={over ? "none" : "blue"} moving={!over}>
        {from === "heard" ? "As it is heard" : "Draft"}
      </Badge>
      <span class="unseen">{why}</span>
    </span>
  );
}
