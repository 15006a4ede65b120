// Hits in all transcripts, best first, each one click from its moment.

import type { ComponentChildren } from "preact";
import { get } from "../api/client";
import type { HitView } from "../api/types";
import { Empty, ErrorState, Head, Skeleton } from "../components/basics";
import { Icon } from "../components/icons";
import { SearchBox } from "../jobs/searchbox";
import "../jobs/jobs.css";
import { clock, plural } from "../lib/format";
import type { ViewProps } from "../lib/router";
import { speakerName } from "../lib/speakers";
import { useLoad, useTitle } from "../lib/use";

const MOST = 100;

export default function Search({ query }: ViewProps) {
  const q = query.get("q") ?? "";
  useTitle(q ? `${q}, search` : "Search");
  return (
    <div class="view search">
      <Head title="Search" />
      <SearchBox key={q} text={q} autofocus={!q} />
      {q ? <Hits q={q} /> : <Hints />}
    </div>
  );
}

function Hits({ q }: { q: string }) {
  const { value, problem, loading, reload } = useLoad(
    (signal) => get("/v1/search", { query: { q, limit: MOST }, signal }),
    [q],
  );
  if (problem) return <ErrorState title="The search failed" problem={problem} retry={reload} />;
  if (!value) return <Skeleton lines={5} height={64} />;
  if (!value.hits.length) {
    return (
      <Empty title="Nobody said that" icon="search">
        No transcript here has “{q}”. Fewer words find more.
      </Empty>
    );
  }
  return (
    <div class="stack" aria-busy={loading}>
      <p class="small dim" role="status">
        {value.hits.length === MOST ? `The best ${MOST} hits` : plural(value.hits.length, "hit")} in{" "}
        {plural(new Set(value.hits.map((hit) => hit.job)).size, "job")}
      </p>
      <ol class="card flush hits">
        {value.hits.map((hit) => (
          <Hit key={`${hit.job} ${hit.start}`} hit={hit} />
        ))}
      </ol>
    </div>
  );
}

function Hit({ hit }: { hit: HitView }) {
  return (
    <li>
      <a class="hit" href={`/jobs/${hit.job}?t=${hit.start}`}>
        <span class="hit-time num">{clock(hit.start)}</span>
        <span class="hit-text">
          {hit.speaker && <span class="hit-who">{speakerName(hit.speaker)} </span>}
          {marked(hit)}
        </span>
        <span class="hit-file cut">{hit.filename}</span>
      </a>
    </li>
  );
}

/** The snippet with what was found marked; its marks count code points. */
function marked({ snippet, marks }: HitView): ComponentChildren[] {
  const letters = [...snippet];
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const [from = 0, to = 0] of marks as number[][]) {
    parts.push(
      letters.slice(at, from).join(""),
      <mark key={from}>{letters.slice(from, to).join("")}</mark>,
    );
    at = to;
  }
  return [...parts, letters.slice(at).join("")];
}

function Hints() {
  const hints = [
    ["quarterly review", "both words, wherever they stand"],
    ['"quarterly review"', "these words in this order"],
    ["lyon or paris", "either of them"],
    ["review -draft", "the first, without the second"],
  ];
  return (
    <section class="stack" aria-label="How to search">
      <p class="dim">Every word of every transcript is found, and each hit leads to its moment.</p>
      <dl class="hints">
        {hints.map(([what = "", means]) => (
          <div key={what}>
            <dt>
              <a href={`/search?q=${encodeURIComponent(what)}`}>
                <Icon name="search" size={12} />
                {what}
              </a>
            </dt>
            <dd class="dim">{means}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
