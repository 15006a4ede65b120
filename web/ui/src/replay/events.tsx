// The events of a past as a list, and one of them whole: its JSON, what caused it and what it caused.

import { useEffect, useRef } from "preact/hooks";
import { factOf } from "../api/types";
import { VirtualList } from "../components/virtual";
import { exact, lasting } from "../lib/format";
import { type Moment, since } from "./history";
import { saying, toneOf } from "./told";

interface Props {
  past: Moment[];
  index: number;
  reach: (index: number) => void;
}

export function EventList({ past, index, reach }: Props) {
  const scroll = useRef<(index: number, align?: "auto") => void>(undefined);
  const keep = useRef((to: (index: number) => void) => {
    scroll.current = to;
  });
  useEffect(() => scroll.current?.(index, "auto"), [index]);
  return (
    <VirtualList
      boxed
      label="Events"
      count={past.length}
      height={52}
      keyOf={(i) => past[i]?.event.seq ?? i}
      handle={keep.current}
    >
      {(i) => {
        const event = past[i]?.event;
        if (!event) return null;
        return (
          <button
            type="button"
            class="replay-event tick"
            data-tone={toneOf(event)}
            aria-current={i === index ? "step" : undefined}
            onClick={() => reach(i)}
          >
            <span class="num tiny dim">{lasting(since(past, i))}</span>
            <span class="replay-kind mono">{factOf(event)}</span>
            <span class="replay-saying small cut">{saying(event)}</span>
          </button>
        );
      }}
    </VirtualList>
  );
}

export function EventWhole({ past, index, reach, caused }: Props & { caused: (number | null)[] }) {
  const event = past[index]?.event;
  if (!event) return null;
  const cause = caused[index] ?? null;
  const effects = caused.flatMap((of, i) => (of === index ? [i] : []));
  const to = (i: number) => (
    <button type="button" class="replay-link" onClick={() => reach(i)}>
      <span class="num">{i + 1}</span> {past[i] && factOf(past[i].event)}
    </button>
  );
  return (
    <div class="stack tight">
      <dl class="facts">
        <div>
          <dt>Told at</dt>
          <dd>
            <time dateTime={event.time}>{exact(event.time)}</time>
          </dd>
        </div>
        <div>
          <dt>Caused by</dt>
          <dd>{cause === null ? "somebody outside, or the clock" : to(cause)}</dd>
        </div>
        <div>
          <dt>Led to</dt>
          <dd class="row">
            {effects.length ? effects.slice(0, 12).map(to) : "nothing by itself"}
            {effects.length > 12 && <span class="dim">and {effects.length - 12} more</span>}
          </dd>
        </div>
      </dl>
      {/* What scrolls has to be reached by keys. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre class="code" tabIndex={0} aria-label="The event as JSON">
        {JSON.stringify(event, null, 2)}
      </pre>
    </div>
  );
}
