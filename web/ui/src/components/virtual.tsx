// Long lists: only what is near the window is in the document.

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
  windowScroll,
} from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  count: number;
  /** A first guess at a row's height in px; real ones are measured. */
  height: number;
  /** A row's name, the same for as long as it is the same row. */
  keyOf: (index: number) => string | number;
  children: (index: number) => ComponentChildren;
  label: string;
  /** Scrolls in a box of its own instead of with the page. */
  boxed?: boolean;
  /** The rows' role in the list: "list" by default, "feed" or "log" where that fits. */
  role?: "list" | "feed" | "log";
  /** Told which rows are in sight: to fetch more near the end. */
  seen?: (first: number, last: number) => void;
  /** Gives the way to bring a row into sight. */
  handle?: (scrollTo: (index: number, align?: "start" | "center" | "auto") => void) => void;
}

type Rows = Virtualizer<Element & Window, HTMLElement>;

export function VirtualList({
  count,
  height,
  keyOf,
  children,
  label,
  boxed,
  role = "list",
  seen,
  handle,
}: Props) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useRef<Rows | null>(null);
  const [, redraw] = useState(0);
  const options = {
    count,
    estimateSize: () => height,
    getItemKey: keyOf,
    overscan: 8,
    onChange: () => redraw((n) => n + 1),
    ...(boxed
      ? {
          getScrollElement: () => box.current,
          observeElementRect,
          observeElementOffset,
          scrollToFn: elementScroll,
        }
      : {
          getScrollElement: () => window,
          observeElementRect: observeWindowRect,
          observeElementOffset: observeWindowOffset,
          scrollToFn: windowScroll,
          scrollMargin: box.current ? box.current.getBoundingClientRect().top + scrollY : 0,
          initialOffset: scrollY,
        }),
  } as unknown as ConstructorParameters<typeof Virtualizer<Element & Window, HTMLElement>>[0];
  if (!rows.current) rows.current = new Virtualizer(options);
  const list = rows.current;
  list.setOptions(options);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());
  useLayoutEffect(
    () => handle?.((index, align = "auto") => list.scrollToIndex(index, { align })),
    [handle, list],
  );
  const items = list.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items[items.length - 1]?.index ?? 0];
  // biome-ignore lint/correctness/useExhaustiveDependencies: more rows are news too
  useLayoutEffect(() => seen?.(first, last), [seen, first, last, count]);
  const margin = list.options.scrollMargin;
  return (
    // What scrolls has to be reached by keys.
    <div class={boxed ? "virtual boxed" : "virtual"} ref={box} tabIndex={boxed ? 0 : undefined}>
      <div role={role} aria-label={label} style={{ height: `${list.getTotalSize()}px` }}>
        {items.map((item) => (
          <div
            key={item.key}
            class="virtual-row"
            role={role === "list" ? "listitem" : undefined}
            aria-setsize={role === "list" ? count : undefined}
            aria-posinset={role === "list" ? item.index + 1 : undefined}
            data-index={item.index}
            ref={(node) => {
              if (node) list.measureElement(node);
            }}
            style={{ transform: `translateY(${item.start - margin}px)` }}
          >
            {children(item.index)}
          </div>
        ))}
      </div>
    </div>
  );
}
