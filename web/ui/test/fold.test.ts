// The page's fold beside the server's, over the histories that every release has left.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { CloudEvent, JobView } from "../src/api/types";
import { evolve, type Job, opened } from "../src/fold";

interface Step {
  event: CloudEvent;
  view: JobView | null;
}

/** Made from the golden histories by `python -m tests.history.views` (see `make ui-check`). */
const histories: Record<string, Step[]> = JSON.parse(
  readFileSync(new URL("views.json", import.meta.url), "utf8"),
);

const seen = (job: Job | null): JobView | null => {
  if (!job) return null;
  const { said: _, ...view } = job;
  return view;
};

test("there are histories, and they tell a lot", () => {
  expect(Object.keys(histories).length).toBeGreaterThanOrEqual(3);
  for (const steps of Object.values(histories)) expect(steps.length).toBeGreaterThan(100);
});

describe.each(Object.entries(histories))("%s", (_, steps) => {
  test("after every event the page sees what the server sees", () => {
    const jobs = new Map<string, Job | null>();
    for (const { event, view } of steps) {
      const subject = event.subject ?? "";
      jobs.set(subject, evolve(jobs.get(subject) ?? null, event));
      expect(seen(jobs.get(subject) ?? null), `${event.seq} ${event.type}`).toEqual(view);
    }
  });

  test("an event that comes twice, or late, changes nothing", () => {
    const jobs = new Map<string, Job | null>();
    const all: CloudEvent[] = [];
    for (const { event, view } of steps) {
      const subject = event.subject ?? "";
      let job = evolve(jobs.get(subject) ?? null, event);
      for (const again of [event, ...all.filter((one) => one.subject === subject)]) {
        job = evolve(job, again);
      }
      jobs.set(subject, job);
      all.push(event);
      expect(seen(job), `${event.seq} ${event.type}`).toEqual(view);
    }
  });

  test("from the view at any event the rest folds to the same views", () => {
    const subjects = new Set(steps.map(({ event }) => event.subject ?? ""));
    for (const subject of subjects) {
      const own = steps.filter(({ event, view }) => event.subject === subject && view);
      for (const [from, { view: start }] of own.entries()) {
        let job: Job | null = opened(start as JobView);
        for (const { event, view } of own.slice(from + 1)) {
          job = evolve(job, event);
          expect(seen(job), `${subject}: from ${from}, ${event.type}`).toEqual(view);
        }
      }
    }
  });

  test("an event of a type that nobody knows yet only counts", () => {
    const last = steps.findLast(({ view }) => view)?.view as JobView;
    const event = { type: "dev.dalston.job.praised.v1", rev: last.rev + 1, data: {}, time: "" };
    const job = evolve(opened(last), event as unknown as CloudEvent);
    expect(seen(job)).toEqual({ ...last, rev: last.rev + 1 });
  });
});
