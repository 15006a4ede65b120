// Play, go back and on, how fast, to the next speaker, a link to this moment.

import { useMemo } from "preact/hooks";
import { Button, IconButton } from "../components/basics";
import { Icon } from "../components/icons";
import { tell } from "../components/toast";
import { clock } from "../lib/format";
import { type Access, momentLink } from "./access";
import { type Player, RATES } from "./player";
import { type Band, nextTurn } from "./timeline";

interface Props {
  access: Access;
  player: Player;
  duration: number;
  talking: Band[];
  /** Tracks that can be heard: one a channel. */
  tracks: number;
  track: number;
  setTrack: (track: number) => void;
  /** Show which keys do what. */
  keys: () => void;
}

export function Controls({
  access,
  player,
  duration,
  talking,
  tracks,
  track,
  setTrack,
  keys,
}: Props) {
  const severalTalk = useMemo(() => new Set(talking.map((band) => band.of)).size > 1, [talking]);
  const playing = player.playing.value;
  return (
    <div class="play">
      <button
        type="button"
        class="play-main"
        aria-label={playing ? "Pause" : "Play"}
        title={playing ? "Pause (space)" : "Play (space)"}
        onClick={() => player.toggle()}
      >
        <Icon name={playing ? "pause" : "play"} size={18} />
      </button>
      <p class="play-clock num">
        <Clock player={player} /> <span class="dim">/ {clock(duration)}</span>
      </p>
      <Button
        look="quiet"
        small
        title="5 seconds back (←)"
        onClick={() => player.seek(player.time.value - 5)}
      >
        −5 s
      </Button>
      <Button
        look="quiet"
        small
        title="5 seconds on (→)"
        onClick={() => player.seek(player.time.value + 5)}
      >
        +5 s
      </Button>
      {severalTalk && (
        <Button
          look="quiet"
          small
          title="To the next speaker (n)"
          onClick={() => skip(player, talking)}
        >
          <span>
            Next<span class="play-wide"> speaker</span>
          </span>
        </Button>
      )}
      <label class="play-rate">
        <span class="unseen">Speed</span>
        <select
          class="input"
          title="Speed (< and >)"
          value={String(player.rate.value)}
          onChange={(event) => player.setRate(Number(event.currentTarget.value))}
        >
          {RATES.map((rate) => (
            <option key={rate} value={String(rate)}>{`${rate}×`}</option>
          ))}
        </select>
      </label>
      {tracks > 1 && (
        <label class="play-rate">
          <span class="unseen">Channel</span>
          <select
            class="input"
            value={String(track)}
            onChange={(event) => setTrack(Number(event.currentTarget.value))}
          >
            {Array.from({ length: tracks }, (_, i) => (
              <option key={i} value={String(i)}>{`Channel ${i + 1}`}</option>
            ))}
          </select>
        </label>
      )}
      <span class="grow" />
      <IconButton icon="info" name="Keys (?)" class="play-keys" onClick={keys} />
      <IconButton
        icon="link"
        name="Copy a link to this moment"
        onClick={() => void copyMoment(access, player)}
      />
    </div>
  );
}

/** The only part that changes while it plays. */
function Clock({ player }: { player: Player }) {
  return <span>{clock(player.time.value)}</span>;
}

/** Go to where somebody else begins. */
export function skip(player: Player, talking: Band[]): void {
  const turn = nextTurn(talking, player.time.value);
  if (turn) player.seek(turn.start);
  else tell("Nobody else talks after this.", "none");
}

export async function copyMoment(access: Access, player: Player): Promise<void> {
  await copy(
    momentLink(access, player.time.value),
    `A link to ${clock(player.time.value)} is copied.`,
  );
}

/** Put a text on the clipboard, and say so; where that is forbidden, say that. */
export async function copy(text: string, said: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(said);
  } catch {
    tell("This browser does not let the page copy. Take the address from the address bar.", "red");
  }
}
