// Playback: a media element, and its place as a signal that moves with every frame.

import { signal } from "@preact/signals";
import { remembered } from "../lib/storage";

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const rate = remembered("rate", 1, (value): value is number => RATES.includes(value as number));

export class Player {
  readonly media = new Audio();
  /** Seconds from the start. */
  readonly time = signal(0);
  readonly playing = signal(false);
  /** Why nothing can be heard; "" while it can. */
  readonly problem = signal("");
  readonly rate = rate;
  private frame = 0;
  private readonly abort = new AbortController();

  constructor() {
    this.media.preload = "metadata";
    this.media.preservesPitch = true;
    const on = (type: string, call: () => void) =>
      this.media.addEventListener(type, call, { signal: this.abort.signal });
    on("play", this.run);
    on("pause", this.rest);
    on("ended", this.rest);
    on("seeking", this.look);
    on("timeupdate", this.look);
    on("loadedmetadata", () => {
      this.problem.value = "";
      this.media.playbackRate = rate.value;
    });
    on("error", () => {
      if (!this.media.getAttribute("src")) return;
      this.problem.value =
        this.media.error?.code === MediaError.MEDIA_ERR_NETWORK
          ? "The audio stopped coming: the server cannot be reached."
          : "The audio cannot be played: the server does not give it, or this browser cannot decode it.";
    });
  }

  /** What is to be heard; the place stays. */
  open(url: string): void {
    if (this.media.getAttribute("src") === url) return;
    const [at, playing] = [this.time.value, this.playing.value];
    this.media.src = url;
    if (at) this.media.currentTime = at;
    if (playing) void this.play();
  }

  seek(seconds: number): void {
    const to = Math.max(0, Math.min(seconds, this.media.duration || seconds));
    this.media.currentTime = to;
    this.time.value = to;
  }

  async play(): Promise<void> {
    try {
      await this.media.play();
    } catch (error) {
      // A pause that overtakes it is no trouble; a browser that wants a click first says so itself.
      if (!(error instanceof DOMException) || error.name === "AbortError") return;
      if (!this.problem.value) this.problem.value = "The audio cannot be played here.";
    }
  }

  toggle(): void {
    if (this.media.paused) void this.play();
    else this.media.pause();
  }

  setRate(to: number): void {
    rate.value = to;
    this.media.playbackRate = to;
  }

  /** One step faster or slower. */
  shift(steps: number): void {
    const at = RATES.indexOf(rate.value);
    this.setRate(RATES[Math.max(0, Math.min(RATES.length - 1, at + steps))] ?? 1);
  }

  close(): void {
    this.abort.abort();
    cancelAnimationFrame(this.frame);
    this.media.pause();
    this.media.removeAttribute("src");
    this.media.load();
  }

  private look = (): void => {
    this.time.value = this.media.currentTime;
  };

  private run = (): void => {
    this.playing.value = true;
    cancelAnimationFrame(this.frame);
    const tick = () => {
      this.look();
      this.frame = requestAnimationFrame(tick);
    };
    tick();
  };

  private rest = (): void => {
    this.playing.value = false;
    cancelAnimationFrame(this.frame);
    this.look();
  };
}
