// The socket's own rules, with a server that misbehaves in every way that networks know.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CloudEvent } from "../src/api/types";
import { judged, type Link, Live, pause } from "../src/live";

const event = (seq: number, epoch = 1) =>
  ({
    type: "dev.dalston.stage.progressed.v1",
    seq,
    epoch,
    id: `e${seq}`,
    rev: seq,
    data: {},
  }) as unknown as CloudEvent;

/** A socket whose other end is the test. */
class Wire {
  static all: Wire[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    Wire.all.push(this);
  }
  static get last(): Wire {
    const wire = Wire.all.at(-1);
    if (!wire) throw new Error("no socket was opened");
    return wire;
  }
  close() {}
  say(message: unknown) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  break() {
    this.onclose?.();
  }
  get query() {
    return Object.fromEntries(new URL(this.url).searchParams);
  }
}

let page: EventTarget & { visibilityState?: string };
let told: number[];
let states: Link[];
let snapshots: number;
let live: Live;
let reachable: boolean;

beforeEach(async () => {
  vi.useFakeTimers();
  page = new EventTarget();
  page.visibilityState = "visible";
  vi.stubGlobal("WebSocket", Wire);
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  Wire.all = [];
  told = [];
  states = [];
  snapshots = 0;
  reachable = true;
  live = new Live(
    {
      snapshot: () => {
        snapshots += 1;
      },
      event: ({ seq }) => told.push(seq),
      link: (state) => states.push(state),
    },
    {
      url: () => "ws://here/v1/events",
      chance: () => 0.5,
      probe: async () => {
        if (!reachable) throw new Error("away");
      },
    },
  );
  live.start();
  await vi.advanceTimersByTimeAsync(0);
});

afterEach(() => {
  live.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("it begins with a snapshot and tells every event after it", () => {
  expect(Wire.last.query).toEqual({});
  Wire.last.say({ type: "snapshot", epoch: 1, seq: 5, jobs: [] });
  for (const seq of [6, 7, 9]) Wire.last.say({ type: "event", event: event(seq) });
  expect([snapshots, told, states]).toEqual([1, [6, 7, 9], ["live"]]);
});

test("an event that was told before is not told again", () => {
  Wire.last.say({ type: "snapshot", epoch: 1, seq: 5, jobs: [] });
  for (const seq of [4, 5, 6, 6, 3]) Wire.last.say({ type: "event", event: event(seq) });
  expect(told).toEqual([6]);
});

test("after a cut it resumes at the last event that it told, by its id", async () => {
  Wire.last.say({ type: "snapshot", epoch: 1, seq: 5, jobs: [] });
  Wire.last.say({ type: "event", event: event(8) });
  Wire.last.break();
  expect(states.at(-1)).toBe("away");
  await vi.advanceTimersByTimeAsync(300);
  expect(Wire.all).toHaveLength(2);
  expect(Wire.last.query).toEqual({ epoch: "1", seq: "8", id: "e8" });
  Wire.last.onopen?.();
  expect(states.at(-1)).toBe("late");
  Wire.last.say({ type: "event", event: event(8) });
  Wire.last.say({ type: "event", event: event(9) });
  Wire.last.say({ type: "caught_up", epoch: 1, seq: 9 });
  expect([told, states.at(-1), snapshots]).toEqual([[8, 9], "live", 1]);
});

test("a server that says that it fell behind is believed until it caught up", () => {
  Wire.last.say({ type: "snapshot", epoch: 1, seq: 5, jobs: [] });
  Wire.last.say({ type: "fell_behind" });
  Wire.last.say({ type: "event", event: event(6) });
  Wire.last.say({ type: "caught_up", epoch: 1, seq: 6 });
  expect(states).toEqual(["live", "late", "live"]);
});

test("an event of another epoch that goes back in time asks for a fresh snapshot", async () => {
  Wire.last.say({ type: "snapshot", epoch: 1, seq: 50, jobs: [] });
  Wire.last.say({ type: "event", event: event(20, 2) });
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(300);
  expect(Wire.last.query).toEqual({});
});

test("a newer epoch goes on where the log is ahead, and an older one never does", () => {
  const at = { epoch: 2, seq: 50 };
  expect(judged(at, event(51, 3))).toBe("next");
  expect(judged(at, event(51, 1))).toBe("broken");
  expect(judged(at, event(50, 2))).toBe("known");
});

test("the waits double, are spread, and end at a quarter of a minute", () => {
  expect([0, 1, 2, 3].map((n) => pause(n, 1))).toEqual([250, 500, 1000, 2000]);
  expect(pause(3, 0)).toBe(1000);
  expect(pause(30, 1)).toBe(15_000);
});

test("a network that comes back is used at once", async () => {
  for (let i = 0; i < 8; i += 1) {
    Wire.last.break();
    await vi.advanceTimersByTimeAsync(16_000);
  }
  const before = Wire.all.length;
  Wire.last.break();
  page.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(0);
  expect(Wire.all.length).toBe(before + 1);
});

test("what a socket says after it was given up changes nothing", () => {
  const old = Wire.last;
  old.say({ type: "snapshot", epoch: 1, seq: 5, jobs: [] });
  page.dispatchEvent(new Event("offline"));
  old.say({ type: "event", event: event(6) });
  expect(told).toEqual([]);
});

test("a silent socket whose server answers is left alone, and one whose does not is given up", async () => {
  Wire.last.onopen?.();
  Wire.last.say({ type: "snapshot", epoch: 1, seq: 5, jobs: [] });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(Wire.all).toHaveLength(1);
  reachable = false;
  await vi.advanceTimersByTimeAsync(16_000);
  expect(states.at(-1)).toBe("away");
  expect(Wire.last.query).toEqual({ epoch: "1", seq: "5" });
});

test("after a sleep the socket is not trusted", async () => {
  Wire.last.say({ type: "snapshot", epoch: 1, seq: 5, jobs: [] });
  vi.setSystemTime(Date.now() + 3_600_000);
  await vi.advanceTimersByTimeAsync(16_000);
  expect(Wire.all.length).toBeGreaterThan(1);
});
