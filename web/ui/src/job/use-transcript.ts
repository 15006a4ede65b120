// The best transcript there is of a job: while it is heard, as its stages make it better, and at the end.

import { useEffect, useMemo, useState } from "preact/hooks";
import { get, type Problem } from "../api/client";
import { type CloudEvent, factOf } from "../api/types";
import type { Job } from "../fold";
import { useLoad } from "../lib/use";
import { recentOf, snapshots, subscribe } from "../store";
import { type Access, read } from "./access";
import { hear, SILENCE } from "./heard";
import type { Transcript } from "./transcript";

/** Stages whose output is a transcript. */
const TEXT = ["transcribe", "align", "merge"];
const PAGE = 1000;
/** The archive is moments behind what is told live. */
const TRIES = 12;
const PATIENCE_MS = 150;

export interface Best {
  transcript: Transcript | undefined;
  /** heard: as it comes. draft: of a stage, the rest is on its way. final: of the whole job. */
  from: "heard" | "draft" | "final";
  loading: boolean;
  problem: Problem | undefined;
  reload: () => void;
}

export function useTranscript(access: Access, job: Job): Best {
  const done = job.stages.filter((one) => TEXT.includes(one.name) && one.status === "completed");
  const wanted = job.erased
    ? "none"
    : job.transcript
      ? "final"
      : job.request.redact || !done.length
        ? "none"
        : "draft";
  const corrections = useCorrections(job);
  const { value, ...state } = useLoad<Pick<Best, "transcript" | "from"> | undefined>(
    async (signal) => {
      if (wanted === "none") return undefined;
      const final = wanted === "final";
      const transcript = final
        ? await read<Transcript>(access, "/transcript", {}, signal)
        : await draft(access, job.rev, signal);
      return { transcript, from: wanted };
    },
    [
      access.id,
      wanted,
      wanted === "draft" ? done.length : 0,
      wanted === "final" ? corrections : "",
    ],
  );
  const hidden = job.erased || Boolean(job.request.redact) || access.share !== undefined;
  const heard = useHeard(job, wanted === "none" && !hidden);
  // What was heard, or a draft, stands until what is better is there: nothing jumps.
  if (wanted !== "none" && value) return { ...state, ...value };
  return {
    ...state,
    transcript: hidden ? undefined : heard,
    from: "heard",
    loading: state.loading && wanted !== "none",
  };
}

/** The transcript as it was at a revision, once the archive that it is read from has got there. */
async function draft(access: Access, rev: number, signal: AbortSignal): Promise<Transcript> {
  if (access.share === undefined) await archived(access.id, signal);
  return read<Transcript>(access, "/transcript", { at: rev }, signal);
}

/** Waits until what was told last of a job is in the archive, too. */
async function archived(id: string, signal: AbortSignal): Promise<void> {
  const last = recentOf(id).at(-1);
  for (let tries = 1; last && tries <= TRIES; tries++) {
    const page = await get("/v1/jobs/{id}/events", {
      path: { id },
      query: { after: last.seq - 1, limit: 1 },
      signal,
    });
    if (page.events.length) return;
    await new Promise((done) => setTimeout(done, PATIENCE_MS * tries));
  }
}

/** What was heard so far: the past from the archive, then as it is told. */
function useHeard(job: Job, wanted: boolean): Transcript | undefined {
  const [heard, set] = useState(SILENCE);
  const { id } = job;
  const fresh = snapshots.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a fresh snapshot may stand after what was not told
  useEffect(() => {
    if (!wanted) return;
    const abort = new AbortController();
    const take = (events: CloudEvent[]) => set((was) => events.reduce(hear, was));
    let past = false;
    const stop = subscribe((event) => past && event.subject === id && take([event]));
    void history(id, abort.signal)
      .catch(() => [])
      .then((events) => {
        if (abort.signal.aborted) return;
        take([...events, ...recentOf(id)]);
        past = true;
      });
    return () => {
      abort.abort();
      stop();
    };
  }, [id, wanted, fresh]);
  const { audio_s } = job;
  return useMemo(() => {
    const last = heard.segments.at(-1);
    return last && { duration: audio_s ?? last.end, segments: heard.segments };
  }, [heard, audio_s]);
}

async function history(id: string, signal: AbortSignal): Promise<CloudEvent[]> {
  const all: CloudEvent[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page: { events: unknown[]; next: number | null } = await get("/v1/jobs/{id}/events", {
      path: { id },
      query: { after, limit: PAGE },
      signal,
    });
    all.push(...(page.events as CloudEvent[]));
    after = page.next;
  }
  return all;
}

/** Changes whenever somebody corrects the job's words or names. */
function useCorrections(job: Job): string {
  const [told, tell] = useState(0);
  useEffect(
    () =>
      subscribe((event) => {
        if (
          event.subject === job.id &&
          /^(speaker\.renamed|transcript\.edited)$/.test(factOf(event))
        )
          tell((n) => n + 1);
      }),
    [job.id],
  );
  return `${told}/${job.edits}/${JSON.stringify(job.names)}`;
}
