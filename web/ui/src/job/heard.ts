// Segments as an engine hears them: told by `segment.finalized`, folded in order. Pure.

import { type CloudEvent, factOf } from "../api/types";
import type { Segment } from "./transcript";

export interface Heard {
  /** Revision of the last event that said something. */
  rev: number;
  token: number;
  segments: Segment[];
}

export const SILENCE: Heard = { rev: 0, token: 0, segments: [] };

/**
 * What was heard after one more event: its segments stand from number `first` on. A new attempt
 * starts over; what an older one says, and what was told before, changes nothing.
 */
export function hear(heard: Heard, event: CloudEvent): Heard {
  if (factOf(event) !== "segment.finalized" || event.rev <= heard.rev) return heard;
  const {
    token,
    first = 0,
    segments,
  } = event.data as {
    token: number;
    first?: number;
    segments: Segment[];
  };
  if (token < heard.token) return heard;
  const before = token > heard.token ? [] : heard.segments;
  return { rev: event.rev, token, segments: [...before.slice(0, first), ...segments] };
}
