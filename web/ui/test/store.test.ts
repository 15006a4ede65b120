// The store over a wire and an API that the test plays: no hole, no duplicate, never the older word.

import { readFileSync } from "node:fs";
import { beforeEach, expect, test, vi } from "vitest";
import type { CloudEvent, JobView } from "../src/api/types";

interface Step {
  event: CloudEvent;
  view: JobView | null;
}

const histories: Record<string, Step[]> = JSON.parse(
  readFileSync(new URL("views.json", import.meta.url), "utf8"),
);
const steps = (histories.next ?? []).filter(
  ({ event, view }) => view && event.subject === "success",
);

let wire: { onopen?: () => void; onmessage?: (message: { data: string }) => void } = {};
let asked: string[] = [];
let answer: (path: string) => unknown = () => null;
let store: typeof import("../src/store");

const say = (message: unknown) => wire.onmessage?.({ data: JSON.stringify(message) });
const tell = (...some: Step[]) => {
  for (const { event } of some) say({ type: "event", event });
};
const seen = (id: string) => {
  const job = store.jobs.get(id);
  if (!job) return undefined;
  const { said: _, ...view } = job;
  return view;
};
const settle = () => new Promise((done) => setTimeout(done, 5));

beforeEach(async () => {
  vi.resetModules();
  asked = [];
  wire = {};
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("location", { protocol: "http:", host: "here" });
  vi.stubGlobal("requestAnimationFrame", (call: () => void) => setTimeout(call, 0));
  vi.stubGlobal(
    "WebSocket",
    class {
      constructor() {
        wire = this as typeof wire;
      }
      close() {}
    },
  );
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return Response.json(
      path === "/v1/me"
        ? {
            auth: "open",
            tenant: "default",
            scopes: ["read", "write", "admin"],
            name: "",
            key: null,
          }
        : answer(path),
    );
  });
  store = await import("../src/store");
  store.begin();
  await vi.waitFor(() => expect(wire.onmessage).toBeTruthy());
  wire.onopen?.();
});

test("what the socket tells is what the server sees, and listeners hear each event once", () => {
  const heard: number[] = [];
  store.subscribe((event) => heard.push(event.seq));
  say({ type: "snapshot", epoch: 1, seq: (steps[0]?.event.seq ?? 1) - 1, jobs: [] });
  tell(...steps, ...steps.slice(-3));
  expect(seen("success")).toEqual(steps.at(-1)?.view);
  expect(heard).toEqual(steps.map(({ event }) => event.seq));
});

test("a job with a gap among its revisions is read anew instead of folded on", async () => {
  const [first, second, third, ...rest] = steps;
  say({ type: "snapshot", epoch: 1, seq: first?.event.seq, jobs: [first?.view] });
  answer = () => second?.view;
  tell(third as Step);
  expect(store.jobs.get("success")).toBeUndefined();
  await settle();
  expect(asked).toContain("/v1/jobs/success");
  expect(seen("success")).toEqual(third?.view);
  tell(...rest);
  expect(seen("success")).toEqual(steps.at(-1)?.view);
});

test("an answer of the API that is older than what was told does not undo it", async () => {
  say({ type: "snapshot", epoch: 1, seq: steps[3]?.event.seq, jobs: [steps[3]?.view] });
  tell(...steps.slice(4));
  answer = () => steps[5]?.view;
  await store.fetchJob("success");
  expect(seen("success")).toEqual(steps.at(-1)?.view);
});

test("an old job that is fetched goes on with what was told meanwhile", async () => {
  say({ type: "snapshot", epoch: 1, seq: 0, jobs: [] });
  tell(...steps.slice(4));
  expect(store.jobs.get("success")).toBeUndefined();
  answer = () => steps[6]?.view;
  await store.fetchJob("success");
  expect(seen("success")).toEqual(steps.at(-1)?.view);
});

test("a fresh snapshot replaces all there was", () => {
  say({ type: "snapshot", epoch: 1, seq: 3, jobs: [steps[0]?.view] });
  const before = store.snapshots.value;
  const cell = store.jobOf("success");
  expect(cell.value?.id).toBe("success");
  say({ type: "snapshot", epoch: 2, seq: 9, jobs: [] });
  expect([cell.value, store.jobs.size, store.snapshots.value]).toEqual([undefined, 0, before + 1]);
});

test("events of engines are counted, and are no job's", () => {
  say({ type: "snapshot", epoch: 1, seq: 0, jobs: [] });
  const engines = (histories.next ?? []).filter(({ event }) => event.type.includes(".engine."));
  expect(engines.length).toBeGreaterThan(2);
  tell(...engines);
  expect([store.engineChanges.value, store.jobs.size]).toEqual([engines.length, 0]);
});
