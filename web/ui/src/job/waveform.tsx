// The waveform, drawn from peaks that the server has; a plain bar where it has none.

import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import { colour, shade } from "../lib/theme";
import type { Player } from "./player";

interface Props {
  player: Player;
  /** 0 to 255 each; undefined while they are on their way, null when there are none. */
  peaks: number[] | null | undefined;
  duration: number;
  height: number;
}

export function Waveform({ player, peaks, duration, height }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const tint = shade.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides which colours there are to read
  useEffect(() => {
    if (!box.current || !peaks?.length) return;
    const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
    const wave = WaveSurfer.create({
      container: box.current,
      media: player.media,
      peaks: [peaks.map((peak) => peak / 255)],
      duration,
      height,
      cspNonce: nonce,
      barWidth: 2,
      barGap: 1,
      barRadius: 1,
      barMinHeight: 1,
      normalize: true,
      waveColor: colour("edge"),
      progressColor: colour("blue"),
      cursorWidth: 0,
      interact: false,
    });
    wave.on("error", () => undefined); // the player says what is wrong
    return () => wave.destroy();
  }, [player, peaks, duration, height, tint]);
  if (peaks === null) return <PlainBar player={player} duration={duration} />;
  return <div class="wave" ref={box} style={{ height: `${height}px` }} aria-hidden="true" />;
}

function PlainBar({ player, duration }: { player: Player; duration: number }) {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      player.time.subscribe((now) =>
        bar.current?.style.setProperty("--part", String(duration ? now / duration : 0)),
      ),
    [player, duration],
  );
  return (
    <div class="wave-plain" aria-hidden="true">
      <span ref={bar} />
    </div>
  );
}
