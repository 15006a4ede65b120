// The event log, tailing live: every fact of the platform as it is told.

import { useMemo, useState } from "preact/hooks";
import { type CloudEvent, factOf } from "../api/types";
import { Button, Empty, Head, Skeleton } from "../components/basics";
import { Select, TextField } from "../components/forms";
import { VirtualList } from "../components/virtual";
import { exact, plural } from "../lib/format";
import { go, type ViewProps, withQuery } from "../lib/router";
import { useTitle } from "../lib/use";
import { useTail } from "../ops/tail";
import { saying, toneOf } from "../replay/told";
import { jobs } from "../store";
import "../ops/ops.css";

const KINDS: [string, string][] = [
  ["", "Everything"],
  ["job.", "Jobs"],
  ["stage.", "Stages"],
  ["segment.", "What is heard"],
  ["engine.", "Engines"],
  ["speaker. transcript.", "Corrections"],
  ["log.", "The log itself"],
];
const BEFORE = 500;

export default function Events({ query }: ViewProps) {
  useTitle("Events");
  const [before, setBefore] = useState(BEFORE);
  const { events, ready } = useTail(before);
  const [frozen, freeze] = useState<CloudEvent[] | null>(null);
  const [kind, text] = [query.get("kind") ?? "", query.get("q") ?? ""];
  const source = frozen ?? events;
  const shown = useMemo(() => filtered(source, kind, text).reverse(), [source, kind, text]);
  const missed = frozen ? events.length - frozen.length : 0;
  return (
    <div class="view">
      <Head title="Events" line="Every fact in the order of the log, the newest first.">
        <Button
          icon={frozen ? "play" : "pause"}
          aria-pressed={frozen !== null}
          onClick={() => freeze(frozen ? null : events)}
        >
          {frozen ? (missed > 0 ? `Go on, ${plural(missed, "new one")}` : "Go on") : "Pause"}
        </Button>
      </Head>
      <div class="filters">
        <Select
          label="Kind"
          value={kind}
          options={KINDS}
          onChange={(event) =>
            go(withQuery({ kind: event.currentTarget.value }), { replace: true })
          }
        />
        <TextField
          label="Text"
          type="search"
          placeholder="a job, an engine, a word"
          value={text}
          onInput={(event) => go(withQuery({ q: event.currentTarget.value }), { replace: true })}
        />
      </div>
      {shown.length ? (
        <div class="card flush log">
          <VirtualList
            label="Events"
            role="list"
            count={shown.length}
            height={41}
            keyOf={(i) => shown[i]?.id ?? i}
          >
            {(i) => {
              const event = shown[i];
              return event && <Line event={event} />;
            }}
          </VirtualList>
        </div>
      ) : ready ? (
        <Empty title={events.length ? "Nothing fits" : "Nothing has happened yet"} icon="clock">
          {events.length
            ? `None of the last ${plural(events.length, "event")} is of that kind.`
            : "The first event appears here the moment it is told."}
        </Empty>
      ) : (
        <Skeleton lines={10} height={28} />
      )}
      {events.length > 0 && (events[0]?.seq ?? 1) > 1 && (
        <Button onClick={() => setBefore((n) => n + BEFORE)} disabled={!ready}>
          Older ones
        </Button>
      )}
    </div>
  );
}

function filtered(events: CloudEvent[], kind: string, text: string): CloudEvent[] {
  const kinds = kind.split(" ");
  const wanted = text.trim().toLowerCase();
  return events.filter((event) => {
    if (!kinds.some((one) => factOf(event).startsWith(one))) return false;
    if (!wanted) return true;
    const file = jobs.get(event.subject ?? "")?.filename ?? "";
    const words = `${factOf(event)} ${event.subject} ${file} ${JSON.stringify(event.data)}`;
    return words.toLowerCase().includes(wanted);
  });
}

function Line({ event }: { event: CloudEvent }) {
  const [open, toggle] = useState(false);
  const job = jobs.get(event.subject ?? "");
  const said = saying(event);
  const named = job && factOf(event) !== "job.submitted";
  const past = event.rev > 0 && event.subject && !/^(engine|log)\./.test(factOf(event));
  return (
    <div class="log-line tick" data-tone={toneOf(event)}>
      <button type="button" class="log-head" aria-expanded={open} onClick={() => toggle(!open)}>
        <span class="num dim tiny">{event.seq}</span>
        <time class="num dim tiny" dateTime={event.time} title={exact(event.time)}>
          {new Date(event.time).toLocaleTimeString([], { hour12: false })}
        </time>
        <span class="log-kind mono">{factOf(event)}</span>
        <span class="log-saying small cut">
          {named && <span class="dim">{job.filename}</span>}
          {named && said && " · "}
          {said}
        </span>
      </button>
      {open && (
        <div class="log-whole">
          {past && (
            <a href={`/jobs/${event.subject}/replay?rev=${event.rev}`}>
              See the job at this moment
            </a>
          )}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
          <pre class="code" tabIndex={0} aria-label="The event as JSON">
            {JSON.stringify(event, null, 2)}
          </pre>
        </div>
      )}
    </div>
  );
}
