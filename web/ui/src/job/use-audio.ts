// What is fetched beside the transcript: how loud the audio is throughout, and what was heard at first.

import { useMemo } from "preact/hooks";
import type { Job } from "../fold";
import { useLoad } from "../lib/use";
import { type Access, read } from "./access";
import type { Transcript } from "./transcript";

/** Peaks of a track; null where there are none, undefined while they are on their way. */
export function usePeaks(
  access: Access,
  audible: boolean,
  track: number,
): number[] | null | undefined {
  const { value, problem } = useLoad(
    async (signal) =>
      audible
        ? (await read<{ peaks: number[] }>(access, "/peaks", { track }, signal)).peaks
        : undefined,
    [access.id, audible, track],
  );
  return problem ? null : value;
}

/** What was heard where somebody corrected it; a link that is shared shows the corrections only. */
export function useOriginals(
  access: Access,
  job: Job,
  wanted: boolean,
): readonly string[] | undefined {
  const some = wanted && job.edited > 0 && access.share === undefined;
  const { value } = useLoad(
    async (signal) =>
      some ? read<Transcript>(access, "/transcript", { version: "original" }, signal) : undefined,
    [access.id, some],
  );
  return useMemo(() => value?.segments.map((segment) => segment.text), [value]);
}
