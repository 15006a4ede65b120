// The range that all charts show, and what they are narrowed to; all of it is in the address.

import { Select, TextField } from "../components/forms";
import { go, place, withQuery } from "../lib/router";

export interface Range {
  since: string;
  until: string;
  bucket: string;
  engine: string;
  model: string;
  stage: string;
}

const SINCE = [
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["24h", "Last day"],
  ["7d", "Last week"],
  ["30d", "Last 30 days"],
  ["365d", "Last year"],
] as const;
const BUCKETS = [
  ["", "As fits"],
  ["minute", "Minutes"],
  ["hour", "Hours"],
  ["day", "Days"],
  ["week", "Weeks"],
] as const;

export function rangeOf(query: URLSearchParams): Range {
  const of = (name: string, otherwise = "") => query.get(name) ?? otherwise;
  return {
    since: of("since", "7d"),
    until: of("until"),
    bucket: of("bucket"),
    engine: of("engine"),
    model: of("model"),
    stage: of("stage"),
  };
}

/** The same range at another question of analytics. */
export function sameRange(query: string): string {
  const text = place.value.query.toString();
  return `/analytics/${query}${text ? `?${text}` : ""}`;
}

/** Whether a date was typed instead of one of the usual ranges chosen. */
function custom({ since, until }: Range): boolean {
  return Boolean(until) || !SINCE.some(([value]) => value === since);
}

export function RangeBar({ range, choices }: { range: Range; choices: Record<string, string[]> }) {
  const set = (changes: Record<string, string | null>) => go(withQuery(changes));
  const own = custom(range);
  return (
    <fieldset class="filters" aria-label="What is shown">
      <Select
        label="Range"
        value={own ? "own" : range.since}
        options={[...SINCE, ["own", "Own dates"]]}
        onChange={(event) => {
          const since = event.currentTarget.value;
          if (since === "own") set({ since: daysAgo(7), until: daysAgo(0) });
          else set({ since, until: null });
        }}
      />
      {own &&
        (["since", "until"] as const).map((name) => (
          <TextField
            key={name}
            type="datetime-local"
            label={name === "since" ? "From" : "Until"}
            value={local(range[name])}
            onChange={(event) => {
              const at = new Date(event.currentTarget.value);
              if (!Number.isNaN(at.getTime())) set({ [name]: at.toISOString() });
            }}
          />
        ))}
      <Select
        label="In steps of"
        value={range.bucket}
        options={[...BUCKETS]}
        onChange={(event) => set({ bucket: event.currentTarget.value })}
      />
      {/* They stand before any answer names a choice: nothing below them moves. */}
      {(["stage", "engine", "model"] as const).map((name) => {
        const known = [
          ...new Set([...(range[name] ? [range[name]] : []), ...(choices[name] ?? [])]),
        ];
        return (
          <Select
            key={name}
            label={name.charAt(0).toUpperCase() + name.slice(1)}
            value={range[name]}
            options={[["", "All"], ...known.sort().map((one) => [one, one] as const)]}
            onChange={(event) => set({ [name]: event.currentTarget.value })}
          />
        );
      })}
    </fieldset>
  );
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}

/** A moment as the browser's own field wants it; nothing where it is "7d". */
function local(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
