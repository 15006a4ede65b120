// The whole of the audio in one line: its waveform, who talks, how it sounds, and where one is.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { clock } from "../lib/format";
import { moodColour } from "./moods";
import type { People } from "./people";
import type { Player } from "./player";
import { type Band, moods, turns } from "./timeline";
import type { Transcript } from "./transcript";
import { Waveform } from "./waveform";

interface Props {
  player: Player;
  peaks: number[] | null | undefined;
  duration: number;
  transcript: Transcript | undefined;
  people: People;
  /** Lanes that are to come keep their place. */
  lanes: { speakers: boolean; moods: boolean };
  /** A moment that a link speaks of. */
  mark: number | undefined;
}

const STEP_S = 5;
const LEAP_S = 30;

export function TimelineBar({ player, peaks, duration, transcript, people, lanes, mark }: Props) {
  const bar = useRef<HTMLDivElement>(null);
  const segments = transcript?.segments;
  const talking = useMemo(() => turns(segments ?? []), [segments]);
  const feeling = useMemo(() => moods(segments ?? []), [segments]);
  const rows = useMemo(() => [...people.keys()], [people]);
  useEffect(
    () =>
      player.time.subscribe((now) => {
        const node = bar.current;
        if (!node) return;
        node.style.setProperty("--at", String(duration ? Math.min(1, now / duration) : 0));
        const whole = String(Math.floor(now));
        if (node.getAttribute("aria-valuenow") === whole) return;
        node.setAttribute("aria-valuenow", whole);
        node.setAttribute("aria-valuetext", `${clock(now)} of ${clock(duration)}`);
      }),
    [player, duration],
  );
  const press = (event: PointerEvent) => {
    const node = bar.current;
    if (!node || event.button || !duration) return;
    node.setPointerCapture(event.pointerId);
    move(event);
  };
  const move = (event: PointerEvent) => {
    const node = bar.current;
    if (!node?.hasPointerCapture(event.pointerId)) return;
    const { left, width } = node.getBoundingClientRect();
    player.seek(Math.max(0, Math.min(1, (event.clientX - left) / width)) * duration);
  };
  const key = (event: KeyboardEvent) => {
    const now = player.time.value;
    const to = {
      ArrowRight: now + STEP_S,
      ArrowUp: now + STEP_S,
      ArrowLeft: now - STEP_S,
      ArrowDown: now - STEP_S,
      PageUp: now + LEAP_S,
      PageDown: now - LEAP_S,
      Home: 0,
      End: duration,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    player.seek(to);
  };
  return (
    <div
      class="line"
      ref={bar}
      role="slider"
      tabIndex={0}
      aria-label="Place in the audio"
      aria-valuemin={0}
      aria-valuemax={Math.ceil(duration)}
      aria-valuenow={0}
      onPointerDown={press}
      onPointerMove={move}
      onKeyDown={key}
    >
      <Waveform player={player} peaks={peaks} duration={duration} height={56} />
      {lanes.speakers && (
        <Lane
          kind="speakers"
          bands={talking}
          rows={rows}
          duration={duration}
          colour={(id) => people.get(id)?.colour ?? "var(--edge)"}
        />
      )}
      {lanes.moods && <Lane kind="moods" bands={feeling} duration={duration} colour={moodColour} />}
      <Marks transcript={transcript} duration={duration} mark={mark} />
      <span class="line-head" aria-hidden="true" />
    </div>
  );
}

interface LaneProps {
  kind: string;
  bands: Band[];
  /** Whose row is which; all in one without it. */
  rows?: string[];
  duration: number;
  colour: (of: string) => string;
}

/**
 * Bands in their colours, a row for each; what they say stands in the lists beside, too. All of a
 * colour are one path: three hours have thousands of turns.
 */
function Lane({ kind, bands, rows, duration, colour }: LaneProps) {
  const paths = useMemo(() => {
    const height = 1 / Math.max(1, rows?.length ?? 1);
    const found = new Map<string, string>();
    for (const { start, end, of } of bands) {
      const width = Math.max(end - start, duration / 2000);
      const y = Math.max(0, rows?.indexOf(of) ?? 0) * height;
      found.set(of, `${found.get(of) ?? ""}M${start} ${y}h${width}v${height}h-${width}z`);
    }
    return [...found];
  }, [bands, rows, duration]);
  return (
    <svg
      class="lane"
      data-lane={kind}
      viewBox={`0 0 ${duration || 1} 1`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {paths.map(([of, path]) => (
        <path key={of} d={path} data-of={of} style={{ fill: colour(of) }} />
      ))}
    </svg>
  );
}

function Marks({ transcript, duration, mark }: Pick<Props, "transcript" | "duration" | "mark">) {
  const at = (seconds: number) => ({ "--x": duration ? Math.min(1, seconds / duration) : 0 });
  return (
    <>
      {(transcript?.notes?.chapters ?? []).map(({ start, title }) => (
        <span key={start} class="line-chapter" title={title} style={at(start)} />
      ))}
      {mark !== undefined && (
        <span class="line-mark" title={`The link's moment, ${clock(mark)}`} style={at(mark)} />
      )}
    </>
  );
}
