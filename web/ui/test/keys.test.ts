// Whether a key is good, at the moments at which that changes.

import { expect, test } from "vitest";
import { standing } from "../src/keys/standing";

const NOW = Date.parse("2026-06-01T00:00:00Z");
const in_days = (days: number) => new Date(NOW + days * 86_400_000).toISOString();

test.each([
  [{}, "Good"],
  [{ expires_at: in_days(30) }, "Good until"],
  [{ expires_at: in_days(3) }, "Ends soon"],
  [{ expires_at: in_days(0) }, "Expired"],
  [{ expires_at: in_days(30), revoked_at: in_days(-1) }, "Revoked"],
])("%o is %s", (key, word) => {
  expect(standing(key, NOW).word).toBe(word);
});
