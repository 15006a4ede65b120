// One job, live or done: its head, its stages, its audio and its words.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Problem } from "../api/client";
import { Empty, ErrorState, Notice, Skeleton } from "../components/basics";
import { Icon } from "../components/icons";
import { ended } from "../components/status";
import { tell } from "../components/toast";
import type { Job } from "../fold";
import { lasting, plural } from "../lib/format";
import { remembered } from "../lib/storage";
import { useLoad, useTitle } from "../lib/use";
import { type Access, change, mayWrite, partOf, read } from "./access";
import { Controls, copyMoment, skip } from "./controls";
import { Dag } from "./dag";
import { find } from "./find";
import { JobHead } from "./job-head";
import { Panels } from "./panels";
import { peopleOf } from "./people";
import { Player } from "./player";
import { useShortcuts } from "./shortcuts";
import { timelineOf, turns } from "./timeline";
import { TimelineBar } from "./timeline-bar";
import { plain, type Shown, type Transcript } from "./transcript";
import { useBar, useNow } from "./use";
import { type Best, useTranscript } from "./use-transcript";
import { Waiting } from "./waiting";
import { Words } from "./words";
import { LOWS, WordsBar } from "./words-bar";
import "./job.css";

const low = remembered("low", 0.5, (value): value is number => LOWS.includes(value as number));
const shownText = remembered<Shown>(
  "text",
  "said",
  (value): value is Shown => value === "said" || value === "clean",
);

interface Props {
  access: Access;
  job: Job;
  /** A moment that the address speaks of, in seconds. */
  at: number | undefined;
}

export function JobPage({ access, job, at }: Props) {
  useTitle(job.erased ? "Erased" : job.filename);
  useBar();
  const over = ended(job.status);
  const now = useNow(!over);
  const best = useTranscript(access, job);
  return (
    <div class="view job">
      <JobHead access={access} job={job} now={now} transcript={best.transcript} />
      {job.reason && job.status !== "succeeded" && !job.erased && (
        <Notice tone={job.status === "failed" ? "red" : "amber"}>{job.reason}</Notice>
      )}
      {!over && access.share === undefined && <Waiting job={job} now={now} />}
      {job.erased ? (
        <Empty title="This job was erased" icon="trash">
          Its audio, its words and everything said about it are gone for good. That it was, and how
          it went, stays.
        </Empty>
      ) : null}
      <Stages job={job} now={now} over={over} />
      {!job.erased && <Speech access={access} job={job} best={best} at={at} />}
    </div>
  );
}

/** Open while it runs, and for whoever watched it; a line for whoever comes later. */
function Stages({ job, now, over }: { job: Job; now: number; over: boolean }) {
  const [open, set] = useState(!over || job.status === "failed");
  const done = job.stages.filter((stage) => stage.status === "completed");
  const busy = done.reduce((sum, stage) => sum + (stage.wall_s ?? 0), 0);
  return (
    <details class="card stages" open={open} onToggle={(event) => set(event.currentTarget.open)}>
      <summary>
        <h2>Stages</h2>
        <span class="dim small num">
          {done.length} of {plural(job.stages.length, "stage")} done
          {busy > 0 && `, ${lasting(busy)} of work`}
        </span>
        <Icon name="down" size={12} />
      </summary>
      {open && <Dag job={job} now={now} />}
    </details>
  );
}

function Speech({
  access,
  job,
  best,
  at,
}: {
  access: Access;
  job: Job;
  best: Best;
  at: number | undefined;
}) {
  const player = useMemo(() => new Player(), []);
  useEffect(() => () => player.close(), [player]);
  const { transcript, from } = best;
  const [track, setTrack] = useState(0);
  const shown = shownText.value;
  const segments = useMemo(() => transcript?.segments ?? [], [transcript]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a signal is read where it is drawn
  const timeline = useMemo(() => timelineOf(segments, shown), [segments, shown]);
  const talking = useMemo(() => turns(segments), [segments]);
  const people = useMemo(() => peopleOf(transcript, job.names), [transcript, job.names]);
  const prepared = job.stages.some(
    (stage) => stage.name === "prepare" && stage.status === "completed",
  );
  const audible = job.request.redact ? job.transcript : prepared;
  const duration = transcript?.duration ?? job.audio_s ?? 0;
  const peaks = usePeaks(access, audible, track);
  useEffect(() => {
    if (audible) player.open(partOf(access, "/audio", { track }));
  }, [access, audible, track, player]);
  useEffect(() => {
    if (at !== undefined && audible) player.seek(at);
  }, [at, audible, player]);

  const editable = mayWrite(access) && from === "final";
  const finding = useFind(transcript, shown);
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({
    " ": () => player.toggle(),
    ArrowRight: () => player.seek(player.time.value + 5),
    ArrowLeft: () => player.seek(player.time.value - 5),
    n: () => skip(player, talking),
    "<": () => player.shift(-1),
    ">": () => player.shift(1),
    c: () => void copyMoment(access, player),
    "/": () => field.current?.focus(),
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
  const tracks = 1 + Math.max(0, ...segments.map((segment) => segment.channel ?? 0));
  return (
    <div class="speech">
      <section class="card flush dock" aria-label="Audio">
        <TimelineBar
          player={player}
          peaks={peaks}
          duration={duration}
          transcript={transcript}
          people={people}
          lanes={{
            speakers: comes(job, "diarize") || people.size > 0,
            moods: comes(job, "emotion") || segments.some((segment) => segment.emotion),
          }}
          mark={at}
        />
        {player.problem.value && <Notice tone="red">{player.problem.value}</Notice>}
        <Controls {...{ access, player, duration, talking, tracks, track, setTrack }} />
      </section>
      <div class="speech-parts">
        <section class="card flush" aria-label="Transcript">
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
            sure={segments.some((segment) =>
              segment.words?.some((word) => typeof word.probability === "number"),
            )}
          />
          {from !== "final" && transcript && (
            <p class="words-state small dim" role="status">
              {from === "heard"
                ? "As it is heard. Later stages may still change it."
                : "A draft: the stages that are not done yet make it better."}
            </p>
          )}
          {transcript && segments.length > 0 ? (
            <Words
              key={from === "heard" ? "heard" : "text"}
              {...{ transcript, timeline, shown, people, player, save, originals }}
              low={low.value}
              hits={finding.hits}
              hit={finding.hit}
              mark={from === "final" ? at : undefined}
              mayEdit={editable}
            />
          ) : (
            <NoWords job={job} best={best} />
          )}
        </section>
        {transcript && from !== "heard" && (
          <Panels {...{ job, transcript, people, rename, jump }} mayEdit={editable} />
        )}
      </div>
    </div>
  );
}

/** Whether a stage is to be done, so that what it finds gets its place ahead. */
function comes(job: Job, stage: string): boolean {
  const found = job.stages.find((one) => one.name === stage);
  return (
    found !== undefined && found.status !== "skipped" && !found.left_out && job.status !== "failed"
  );
}

function NoWords({ job, best }: { job: Job; best: Best }) {
  if (best.problem)
    return (
      <ErrorState
        problem={best.problem}
        retry={best.reload}
        title="The transcript cannot be shown"
      />
    );
  if (best.loading)
    return (
      <div class="words-none">
        <Skeleton lines={6} height={22} />
      </div>
    );
  if (best.from === "final" || best.transcript)
    return (
      <Empty title="Nobody speaks in this audio" icon="info">
        The engine heard no words in it.
      </Empty>
    );
  if (job.status === "failed")
    return (
      <Empty title="There is no transcript" icon="warning">
        The job failed before there was one. What went wrong stands above; Run again begins anew
        with the same audio.
      </Empty>
    );
  if (job.status === "cancelled")
    return (
      <Empty title="There is no transcript" icon="stop">
        The job was cancelled before there was one.
      </Empty>
    );
  if (job.request.redact)
    return (
      <Empty title="The words come once they are masked" icon="clock">
        What is personal is masked first, so nothing is shown before.
      </Empty>
    );
  return (
    <Empty title="The words appear here as they are heard" icon="clock">
      The first come soon after the transcriber has begun.
    </Empty>
  );
}

/** Peaks of a track; null where there are none, undefined while they are on their way. */
function usePeaks(access: Access, audible: boolean, track: number): number[] | null | undefined {
  const { value, problem } = useLoad(
    async (signal) =>
      audible
        ? (await read<{ peaks: number[] }>(access, "/peaks", { track }, signal)).peaks
        : undefined,
    [access.id, audible, track],
  );
  return problem ? null : value;
}

/** What was heard where somebody corrected it. */
function useOriginals(access: Access, job: Job, wanted: boolean): readonly string[] | undefined {
  const some = wanted && job.edited > 0;
  const { value } = useLoad(
    async (signal) =>
      some ? read<Transcript>(access, "/transcript", { version: "original" }, signal) : undefined,
    [access.id, some],
  );
  return useMemo(() => value?.segments.map((segment) => segment.text), [value]);
}

function useFind(transcript: Transcript | undefined, shown: Shown) {
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

/** A job that cannot be shown, in the server's words. */
export function NoJob({ problem, retry }: { problem: Problem; retry: () => void }) {
  if (problem.status === 404)
    return (
      <Empty title="There is no such job" icon="search">
        {problem.message}
      </Empty>
    );
  return <ErrorState problem={problem} retry={retry} title="The job cannot be shown" />;
}
