// The socket: a snapshot, then every event; it resumes where it was, for ever, without a hole.

import type { CloudEvent, JobView, Message } from "./api/types";

/** joining: not there yet. late: it catches up. away: no connection, and it tries again. */
export type Link = "joining" | "live" | "late" | "away";

export interface Listener {
  snapshot(jobs: JobView[], at: Cursor): void;
  event(event: CloudEvent): void;
  link(state: Link, detail?: { failures: number; again_ms?: number }): void;
}

export interface Cursor {
  epoch: number;
  seq: number;
  id?: string;
}

export interface Settings {
  /** What goes with the address: `{ticket}` when keys are on. Rejects when nobody is signed in. */
  admission?: () => Promise<Record<string, string>>;
  url?: () => string;
  /** Whether the server answers at all: asked of a socket that has been silent. */
  probe?: (signal: AbortSignal) => Promise<unknown>;
  /** 0 to 1: how the waits are spread, so that a thousand pages do not come back at once. */
  chance?: () => number;
}

const SHORTEST_MS = 250;
const LONGEST_MS = 15_000;
/** A handshake that takes longer is given up. */
const PATIENCE_MS = 10_000;
/** How often a silent socket is looked after; a page that is not seen may do so once a minute. */
const LOOK_MS = 15_000;
/** A look that comes so late means that the machine slept. */
const SLEPT_MS = 90_000;
const PROBE_MS = 5_000;

/** How long to wait after so many failures in a row: doubled each time, and spread. */
export function pause(failures: number, chance: number): number {
  const most = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures);
  return Math.round(most / 2 + (most / 2) * chance);
}

/** What to make of an event where we stand: the next one, one told before, or one of another log. */
export function judged(at: Cursor | null, { epoch, seq }: CloudEvent): "next" | "known" | "broken" {
  if (!at || (seq > at.seq && epoch >= at.epoch)) return "next";
  return epoch === at.epoch ? "known" : "broken";
}

/** Follows the log until `stop`. */
export class Live {
  private socket: WebSocket | null = null;
  private at: Cursor | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private guard: ReturnType<typeof setInterval> | undefined;
  private heard = 0;
  private looked = 0;
  private stopped = false;

  constructor(
    private readonly on: Listener,
    private readonly settings: Settings = {},
  ) {}

  start(): void {
    addEventListener("online", this.hurry);
    addEventListener("offline", this.lose);
    document.addEventListener("visibilitychange", this.hurry);
    this.stopped = false;
    this.looked = Date.now();
    this.guard = setInterval(this.look, LOOK_MS);
    void this.open();
  }

  stop(): void {
    this.stopped = true;
    this.at = null;
    clearInterval(this.guard);
    removeEventListener("online", this.hurry);
    removeEventListener("offline", this.lose);
    document.removeEventListener("visibilitychange", this.hurry);
    clearTimeout(this.timer);
    this.drop();
  }

  /** Where it stands: the last event that was told. */
  get cursor(): Cursor | null {
    return this.at;
  }

  /** Try at once instead of waiting: the network is back, or somebody looks again. */
  hurry = (): void => {
    if (this.stopped || document.visibilityState === "hidden") return;
    if (this.socket) {
      void this.look();
      return;
    }
    this.failures = 0;
    clearTimeout(this.timer);
    void this.open();
  };

  /** A cut cable closes no socket, and neither does a lid: so look whether anybody is there. */
  private look = async (): Promise<void> => {
    const now = Date.now();
    const slept = now - this.looked > SLEPT_MS;
    this.looked = now;
    const socket = this.socket;
    if (!socket) return;
    if (slept) this.lose();
    else if (now - this.heard > LOOK_MS && this.settings.probe) {
      const answers = this.settings.probe(AbortSignal.timeout(PROBE_MS));
      await answers.catch(() => this.socket === socket && this.lose());
    }
  };

  /** Forget the place, so that the next answer is a fresh snapshot. */
  afresh(): void {
    this.at = null;
    this.drop();
    this.later();
  }

  private lose = (): void => {
    this.drop();
    this.later();
  };

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private async open(): Promise<void> {
    let admission: Record<string, string>;
    const resume = this.at;
    this.timer = undefined;
    try {
      admission = (await this.settings.admission?.()) ?? {};
    } catch {
      this.later();
      return;
    }
    if (this.stopped || this.socket) return;
    const query = new URLSearchParams({ ...admission, ...asked(resume) });
    const socket = new WebSocket(`${(this.settings.url ?? address)()}?${query}`);
    this.socket = socket;
    const tooLong = setTimeout(() => {
      if (this.socket === socket) this.lose();
    }, PATIENCE_MS);
    socket.onopen = () => {
      clearTimeout(tooLong);
      // A resumed socket is told what it missed before it is told that it caught up.
      if (resume) this.on.link("late");
    };
    socket.onmessage = ({ data }) => this.take(JSON.parse(data) as Message);
    socket.onclose = () => {
      clearTimeout(tooLong);
      this.socket = null;
      this.later();
    };
  }

  private take(message: Message): void {
    this.heard = Date.now();
    this.failures = 0;
    if (message.type === "snapshot") {
      this.at = { epoch: message.epoch, seq: message.seq };
      this.on.snapshot(message.jobs, this.at);
      this.on.link("live");
    } else if (message.type === "event") this.hear(message.event);
    else this.on.link(message.type === "fell_behind" ? "late" : "live");
  }

  private hear(event: CloudEvent): void {
    const what = judged(this.at, event);
    if (what === "broken") this.afresh();
    if (what !== "next") return;
    this.at = { epoch: event.epoch, seq: event.seq, id: event.id };
    this.on.event(event);
  }

  private later(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const wait = pause(this.failures, (this.settings.chance ?? Math.random)());
    this.failures += 1;
    this.on.link("away", { failures: this.failures, again_ms: wait });
    this.timer = setTimeout(() => void this.open(), wait);
  }
}

function asked(at: Cursor | null): Record<string, string> {
  if (!at) return {};
  return { epoch: String(at.epoch), seq: String(at.seq), ...(at.id ? { id: at.id } : {}) };
}

function address(): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/v1/events`;
}
