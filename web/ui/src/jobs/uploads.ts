// Files on their way: a few at once, each goes on where it was cut, then becomes a job.

import { signal } from "@preact/signals";
import { Upload as Tus } from "tus-js-client";
import { Problem, problemOf, send } from "../api/client";
import type { JobView } from "../api/types";
import { adopt } from "../store";

const AT_ONCE = 3;
const AGAIN_MS = 2000;
const RETRIES_MS = [0, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 30_000];

/** cut: the network is away, and it goes on by itself. */
export type State = "waiting" | "sending" | "paused" | "cut" | "starting" | "failed";

export interface Sending {
  key: number;
  name: string;
  size: number;
  sent: number;
  state: State;
  problem: string;
}

/** All that is on its way, in the order in which it was given. */
export const sendings = signal<Sending[]>([]);

interface Work {
  file: File;
  fields: Record<string, string>;
  tus?: Tus;
}

const works = new Map<number, Work>();
let last = 0;

/** Send files; each becomes a job with these fields. */
export function sendFiles(files: File[], fields: Record<string, string>): void {
  const more = files.map((file): Sending => {
    last += 1;
    works.set(last, { file, fields });
    return { key: last, name: file.name, size: file.size, sent: 0, state: "waiting", problem: "" };
  });
  sendings.value = [...sendings.value, ...more];
  next();
}

export function pause(key: number): void {
  void works.get(key)?.tus?.abort();
  change(key, { state: "paused" });
  next();
}

export function resume(key: number): void {
  change(key, { state: "waiting", problem: "" });
  next();
}

/** Stop for good; what was stored of it is freed. */
export function drop(key: number): void {
  const tus = works.get(key)?.tus;
  void tus?.abort(Boolean(tus.url)).catch(() => undefined);
  works.delete(key);
  sendings.value = sendings.value.filter((one) => one.key !== key);
  next();
}

/** Leaving the page now would cut these short. */
export function unfinished(): boolean {
  return sendings.value.some((one) => one.state !== "failed");
}

function change(key: number, changes: Partial<Sending>): void {
  sendings.value = sendings.value.map((one) => (one.key === key ? { ...one, ...changes } : one));
}

function next(): void {
  const busy = sendings.value.filter((one) =>
    ["sending", "cut", "starting"].includes(one.state),
  ).length;
  const free = sendings.value.filter((one) => one.state === "waiting").slice(0, AT_ONCE - busy);
  for (const { key } of free) void begin(key);
}

async function begin(key: number): Promise<void> {
  const work = works.get(key);
  if (!work) return;
  change(key, { state: "sending" });
  work.tus ??= await prepared(key, work);
  if (stateOf(key) === "sending") work.tus.start();
}

async function prepared(key: number, { file }: Work): Promise<Tus> {
  const tus = new Tus(file, {
    endpoint: "/v1/uploads",
    metadata: { filename: file.name, filetype: file.type || "application/octet-stream" },
    retryDelays: RETRIES_MS,
    removeFingerprintOnSuccess: true,
    onProgress: (sent) => change(key, { sent, state: "sending" }),
    onShouldRetry: (error) => {
      const status = error.originalResponse?.getStatus() ?? 0;
      if (passing(status) && stateOf(key) === "sending") change(key, { state: "cut" });
      return passing(status);
    },
    onError: (error) => {
      const reply = "originalResponse" in error ? error.originalResponse : null;
      const problem = reply ? problemOf(reply.getStatus(), reply.getBody()) : null;
      fail(
        key,
        problem?.message ??
          "The connection was cut and did not come back. Go on when it is there again.",
      );
    },
    onSuccess: () => void start(key),
  });
  // Sent before from this browser, and cut: the same file goes on where it was.
  const taken = new Set([...works.values()].map((work) => work.tus?.url));
  const before = (await tus.findPreviousUploads()).find((one) => !taken.has(one.uploadUrl));
  if (before) tus.resumeFromPreviousUpload(before);
  return tus;
}

/** All of it is there: have it transcribed. */
async function start(key: number): Promise<void> {
  const work = works.get(key);
  const upload = work?.tus?.url?.split("/").pop();
  if (!work || !upload) return;
  change(key, { state: "starting" });
  try {
    const body = new FormData();
    for (const [name, text] of Object.entries({ ...work.fields, upload })) body.append(name, text);
    adopt(await send<JobView>("POST", "/v1/jobs", { body }));
    works.delete(key);
    sendings.value = sendings.value.filter((one) => one.key !== key);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // All of it is stored: asking again makes the same job, never a second one.
    if (passing(error.status)) again(key);
    else fail(key, error.message);
  }
  next();
}

/** Whether it may work the next time: the network or a server is away, or it is said twice. */
function passing(status: number): boolean {
  return status === 0 || status === 409 || status === 423 || status >= 500;
}

function again(key: number): void {
  change(key, { state: "cut" });
  setTimeout(() => stateOf(key) === "cut" && resume(key), AGAIN_MS);
}

/** Have the audio at an address transcribed. */
export async function sendAddress(url: string, fields: Record<string, string>): Promise<JobView> {
  const body = new FormData();
  for (const [name, text] of Object.entries({ ...fields, url })) body.append(name, text);
  return adopt(await send<JobView>("POST", "/v1/jobs", { body }));
}

function fail(key: number, problem: string): void {
  change(key, { state: "failed", problem });
  next();
}

function stateOf(key: number): State | undefined {
  return sendings.value.find((one) => one.key === key)?.state;
}

// What was cut goes on as soon as there is a network again, instead of at its next try.
addEventListener("online", () => {
  for (const { key, state } of sendings.value) {
    if (state !== "cut") continue;
    void works
      .get(key)
      ?.tus?.abort()
      .then(() => resume(key));
  }
});

addEventListener("beforeunload", (event) => {
  if (unfinished()) event.preventDefault();
});
