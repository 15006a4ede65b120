// The audio of a job: what can be heard of it, in one line that stays in sight.

import { useEffect } from "preact/hooks";
import { Notice } from "../components/basics";
import { Icon } from "../components/icons";
import { ended } from "../components/status";
import type { Job } from "../fold";
import { type Access, partOf } from "./access";
import { Controls } from "./controls";
import type { People } from "./people";
import type { Player } from "./player";
import type { Band } from "./timeline";
import { TimelineBar } from "./timeline-bar";
import type { Transcript } from "./transcript";
import { usePeaks } from "./use-audio";

interface Props {
  access: Access;
  job: Job;
  player: Player;
  transcript: Transcript | undefined;
  people: People;
  talking: Band[];
  audible: boolean;
  track: number;
  setTrack: (track: number) => void;
  keys: () => void;
  /** A moment that the address speaks of, in seconds. */
  at: number | undefined;
}

export function Dock(props: Props) {
  const { access, job, player, transcript, people, talking, audible, track, setTrack, keys, at } =
    props;
  const segments = transcript?.segments ?? [];
  const duration = transcript?.duration ?? job.audio_s ?? 0;
  const peaks = usePeaks(access, audible, track);
  const lanes = {
    speakers: comes(job, "diarize") || people.size > 0,
    moods: comes(job, "emotion") || segments.some((segment) => segment.emotion),
  };
  useEffect(() => {
    if (audible) player.open(partOf(access, "/audio", { track }));
  }, [access, audible, track, player]);
  useEffect(() => {
    if (at !== undefined && audible) player.seek(at);
  }, [at, audible, player]);
  if (!audible && ended(job.status)) return null;
  return (
    <section class="card flush dock" aria-label="Audio">
      {audible ? (
        <>
          <TimelineBar {...{ player, peaks, duration, transcript, people, lanes }} mark={at} />
          {player.problem.value && <Notice tone="red">{player.problem.value}</Notice>}
          <Controls
            {...{ access, player, duration, talking, track, setTrack, keys }}
            tracks={1 + Math.max(0, ...segments.map((segment) => segment.channel ?? 0))}
          />
        </>
      ) : (
        <p class="dock-none small dim" data-lanes={Number(lanes.speakers) + Number(lanes.moods)}>
          <Icon name="clock" />
          {job.request.redact
            ? "It can be heard once what is personal is masked."
            : "It can be heard once it is prepared."}
        </p>
      )}
    </section>
  );
}

/** Whether something is to be found out, so that it gets its place ahead. */
function comes(job: Job, stage: "diarize" | "emotion"): boolean {
  const found = job.stages.find((one) => one.name === stage);
  // A stage that was asked for and is not in the plan is done by the transcriber.
  if (!found) return Boolean(job.request[stage]);
  return found.status !== "skipped" && !found.left_out;
}
