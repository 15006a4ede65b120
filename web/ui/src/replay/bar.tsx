// The bar that moves through a past: a slider over its events, and the buttons that play it.

import { factOf } from "../api/types";
import { Button, IconButton } from "../components/basics";
import { Check, Select } from "../components/forms";
import { exact, lasting } from "../lib/format";
import { type Moment, since } from "./history";
import { SPEEDS } from "./play";
import { saying, toneOf } from "./told";

interface Props {
  past: Moment[];
  index: number;
  /** Where the slider's other hand is, when two moments are compared. */
  other: number | null;
  reach: (index: number) => void;
  playing: boolean;
  play: (on: boolean) => void;
  speed: number;
  setSpeed: (speed: number) => void;
  cut: boolean;
  setCut: (cut: boolean) => void;
}

export function Bar(props: Props) {
  const { past, index, reach, playing, play, speed, setSpeed, cut, setCut } = props;
  const last = past.length - 1;
  const event = past[index]?.event;
  if (!event) return null;
  const at = lasting(since(past, index));
  const word = `Event ${index + 1} of ${past.length}, after ${at}: ${factOf(event)} ${saying(event)}`;
  return (
    <div class="replay-bar">
      <div class="replay-track">
        <Ticks past={past} index={index} other={props.other} />
        <input
          type="range"
          min={0}
          max={last}
          value={index}
          aria-label="Moment in the past of the job"
          aria-valuetext={word}
          onInput={(input) => {
            play(false);
            reach(Number(input.currentTarget.value));
          }}
        />
      </div>
      <div class="row apart">
        <div class="row">
          <IconButton
            icon="back"
            name="Event before"
            disabled={index === 0}
            onClick={() => reach(index - 1)}
          />
          <Button
            look="main"
            icon={playing ? "pause" : "play"}
            onClick={() => {
              if (!playing && index === last) reach(0);
              play(!playing);
            }}
          >
            {playing ? "Pause" : "Play"}
          </Button>
          <IconButton
            icon="next"
            name="Next event"
            disabled={index === last}
            onClick={() => reach(index + 1)}
          />
          <p class="replay-where">
            <strong class="num">
              {index + 1}
              <span class="dim"> of {past.length}</span>
            </strong>
            <span class="dim small num" title={exact(event.time)}>
              after {at}
            </span>
          </p>
        </div>
        <div class="row">
          <Check
            label="Cut waits short"
            checked={cut}
            onChange={(input) => setCut(input.currentTarget.checked)}
          />
          <Select
            label="Speed"
            bare
            value={String(speed)}
            options={SPEEDS.map((one) => [String(one), `${one}×`] as const)}
            onChange={(input) => setSpeed(Number(input.currentTarget.value))}
          />
        </div>
      </div>
    </div>
  );
}

/** A mark for each event, as high as it matters; they are the slider's ground. */
function Ticks({ past, index, other }: { past: Moment[]; index: number; other: number | null }) {
  const last = Math.max(1, past.length - 1);
  const part = (n: number) => `${(n / last) * 100}%`;
  return (
    <div class="replay-ticks" aria-hidden="true">
      {past.map(({ event }, i) => (
        <span
          key={event.seq}
          class="tick"
          data-tone={toneOf(event)}
          data-small={/progressed|finalized/.test(event.type) || undefined}
          data-past={i <= index || undefined}
          style={{ left: part(i) }}
        />
      ))}
      {other !== null && <span class="replay-other" style={{ left: part(other) }} />}
    </div>
  );
}
