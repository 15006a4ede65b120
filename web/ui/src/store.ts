// What all views share: the jobs as they are now, the link to the server, and who we are.

import { effect, type Signal, signal } from "@preact/signals";
import { get, Problem, refused, send } from "./api/client";
import { type CloudEvent, factOf, type JobView, type Me } from "./api/types";
import { evolve, type Job, opened } from "./fold";
import { type Cursor, type Link, Live } from "./live";

const RECENT = 4000;

/** undefined: not known yet. null: the server wants a key. */
export const me = signal<Me | null | undefined>(undefined);
export const link = signal<Link>("joining");
/** Failures in a row while away. */
export const failures = signal(0);
/** Counts fresh snapshots: whoever keeps what it fetched over HTTP fetches it again. */
export const snapshots = signal(0);
/** Counts changes among the jobs, at most once a frame. */
export const changes = signal(0);
/** Counts events of engines: they came, left or were drained. */
export const engineChanges = signal(0);
/** Where the log stands for this page. */
export const cursor = signal<Cursor | null>(null);

const table = new Map<string, Job>();
const cells = new Map<string, Signal<Job | undefined>>();
const listeners = new Set<(event: CloudEvent) => void>();
/** Events lately told, oldest first: the archive that the API reads may be moments behind. */
const recent: CloudEvent[] = [];
let frame = 0;

/** All jobs that are known, by id. Read `changes.value` to be told of changes. */
export const jobs: ReadonlyMap<string, Job> = table;

/** One job as it changes; undefined until it is known (see `fetchJob`). */
export function jobOf(id: string): Signal<Job | undefined> {
  let cell = cells.get(id);
  if (!cell) {
    cell = signal(table.get(id));
    cells.set(id, cell);
  }
  return cell;
}

/** Every event from now on, in order and each once; call what comes back to stop. */
export function subscribe(listener: (event: CloudEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What was lately told of a job. */
export function recentOf(id: string): CloudEvent[] {
  return recent.filter((event) => event.subject === id);
}

/** Take in what the API says of a job, unless something newer is known. */
export function adopt(view: JobView): Job {
  const known = table.get(view.id);
  if (known && known.rev >= view.rev && known.rev > 0) return known;
  return put(
    recentOf(view.id).reduce<Job>((job, event) => evolve(job, event) ?? job, opened(view)),
  );
}

/** Ask the API for a job, and take it in. */
export async function fetchJob(id: string, signal?: AbortSignal): Promise<Job> {
  return adopt(await get("/v1/jobs/{id}", { path: { id }, signal }));
}

function put(job: Job): Job {
  table.set(job.id, job);
  const cell = cells.get(job.id);
  if (cell) cell.value = job;
  if (!frame) {
    frame = requestAnimationFrame(() => {
      frame = 0;
      changes.value += 1;
    });
  }
  return job;
}

function hear(event: CloudEvent): void {
  recent.push(event);
  if (recent.length > RECENT * 1.25) recent.splice(0, recent.length - RECENT);
  const type = factOf(event);
  if (event.subject && !type.startsWith("engine.")) {
    const known = table.get(event.subject) ?? null;
    // A job's revisions are dense: if one is missing here, what we hold is not to be built on.
    if (known && event.rev > known.rev + 1) again(event.subject);
    else {
      const next = evolve(known, event);
      if (next && next !== known) put(next);
    }
  }
  if (/^(engine|model)\./.test(type)) engineChanges.value += 1;
  for (const listener of listeners) listener(event);
}

function again(id: string): void {
  table.delete(id);
  void fetchJob(id).catch(() => undefined);
}

function replace(views: JobView[]): void {
  table.clear();
  recent.length = 0;
  for (const view of views) put(opened(view));
  for (const [id, cell] of cells) cell.value = table.get(id);
  snapshots.value += 1;
  changes.value += 1;
}

const live = new Live(
  {
    snapshot: (views, at) => {
      replace(views);
      cursor.value = at;
    },
    event: (event) => {
      hear(event);
      cursor.value = { epoch: event.epoch, seq: event.seq, id: event.id };
    },
    link: (state, detail) => {
      link.value = state;
      failures.value = detail?.failures ?? 0;
    },
  },
  { admission: ticket, probe: (signal) => fetch("/healthz", { signal }) },
);

/** What lets a socket in: nothing where everybody is, else a ticket that is good for once. */
async function ticket(): Promise<Record<string, string>> {
  if (me.value?.auth === "open") return {};
  const { ticket } = await send<{ ticket: string }>("POST", "/v1/tickets");
  return { ticket };
}

/** Ask who we are. */
export async function whoami(): Promise<void> {
  try {
    me.value = await send<Me>("GET", "/v1/me");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401 || error.status === 403) me.value = null;
    else setTimeout(whoami, 1500);
  }
}

export async function signIn(key: string): Promise<void> {
  me.value = await send<Me>("POST", "/v1/session", { json: { key } });
}

export async function signOut(): Promise<void> {
  await send("DELETE", "/v1/session");
  me.value = null;
}

/** Whether we may do what needs this scope; who may write may read, and an admin may all. */
export function may(scope: "read" | "write" | "admin"): boolean {
  const scopes = me.value?.scopes ?? [];
  const enough = { read: ["read", "write", "admin"], write: ["write", "admin"], admin: ["admin"] };
  return enough[scope].some((one) => scopes.includes(one));
}

let following = false;

/** Follow the log for as long as somebody is let in. */
export function begin(): void {
  void whoami();
  effect(() => {
    if (refused.value && me.peek()) me.value = null;
  });
  effect(() => {
    const wanted = Boolean(me.value);
    if (wanted === following) return;
    following = wanted;
    if (wanted) live.start();
    else {
      live.stop();
      replace([]);
    }
  });
}
