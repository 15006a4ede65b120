// Whether a key is good. Pure.

import type { Tone } from "../components/basics";

interface Dates {
  revoked_at?: string | null;
  expires_at?: string | null;
}

/** What a key is good for at `now` (ms), and since or until when. */
export function standing(key: Dates, now: number): { word: string; tone: Tone; ends?: string } {
  if (key.revoked_at) return { word: "Revoked", tone: "none", ends: key.revoked_at };
  if (!key.expires_at) return { word: "Good", tone: "green" };
  const left = Date.parse(key.expires_at) - now;
  if (left <= 0) return { word: "Expired", tone: "none", ends: key.expires_at };
  const soon = left < 7 * 86_400_000;
  return {
    word: soon ? "Ends soon" : "Good until",
    tone: soon ? "amber" : "green",
    ends: key.expires_at,
  };
}
