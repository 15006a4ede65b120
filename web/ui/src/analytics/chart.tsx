// Lines or bars over time, drawn by uPlot in the colours of the page; the table beside says the same.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../lib/theme";
import { type Chart, summed } from "./shape";

interface Props {
  chart: Chart;
  measure: string;
  /** How a value of the measure is written. */
  format: (value: number) => string;
  height: number;
  /** Somebody wants to see what is behind a bucket. */
  open?: (index: number) => void;
  label: string;
}

const DAY_S = 86_400;

/** The n-th line's colour, as CSS. */
export function lineColour(n: number): string {
  return `var(--sp${(n % 8) + 1})`;
}

export function Plot({ chart, measure, format, height, open, label }: Props) {
  const node = useRef<HTMLDivElement>(null);
  const opening = useRef(open);
  opening.current = open;
  const dark = theme.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours
  useEffect(() => {
    const box = node.current;
    if (!box || !chart.times.length) return;
    const plot = new uPlot(options(box, chart, measure, format, height), data(chart), box);
    const click = () => {
      const index = plot.cursor.idx;
      if (index !== null && index !== undefined) opening.current?.(index);
    };
    plot.over.addEventListener("click", click);
    const watch = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height }));
    watch.observe(box);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [chart, measure, format, height, dark]);
  return (
    <div
      class="plot"
      ref={node}
      role="img"
      aria-label={label}
      data-opens={Boolean(open) || undefined}
      style={{ minHeight: `${height}px` }}
    />
  );
}

function data(chart: Chart): uPlot.AlignedData {
  return [chart.times, ...chart.series.map((one) => one.values)];
}

function options(
  box: HTMLElement,
  chart: Chart,
  measure: string,
  format: (value: number) => string,
  height: number,
): uPlot.Options {
  const colour = painter(box);
  const axis = {
    stroke: colour("var(--dim)"),
    grid: { stroke: colour("var(--line)"), width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(box).fontFamily}`,
  };
  const bars = summed(measure) && chart.series.length === 1;
  const step = (chart.times[1] ?? 0) - (chart.times[0] ?? 0);
  const paths = bars ? uPlot.paths.bars?.({ size: [0.7, 48], radius: 0.15 }) : undefined;
  return {
    width: box.clientWidth,
    height,
    padding: [8, 24, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 8 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: (_, from, to) => wide(from, to, bars ? step : 0) },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] },
    },
    axes: [
      { ...axis, values: times },
      { ...axis, size: 64, values: (_, values) => values.map(format) },
    ],
    series: [
      {},
      ...chart.series.map((one, i) => ({
        stroke: colour(lineColour(i)),
        fill: bars ? colour(lineColour(i)) : undefined,
        width: bars ? 0 : 2,
        spanGaps: true,
        points: { show: !bars && told(one.values) <= 60, size: 5, fill: colour(lineColour(i)) },
        ...(paths ? { paths } : {}),
      })),
    ],
  };
}

/** Times as all of the page has them: of 24 hours, with the day where one begins. */
function times(_: uPlot, seconds: number[], __: number, ___: number, step: number): string[] {
  let before = "";
  return seconds.map((at) => {
    const then = new Date(at * 1000);
    const day = then.toLocaleDateString([], { day: "numeric", month: "short" });
    const first = day !== before;
    before = day;
    if (step >= DAY_S) return first ? day : "";
    const time = then.toLocaleTimeString([], {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    return first ? `${time}\n${day}` : time;
  });
}

/** How many values are there to be seen. */
function told(values: (number | null)[]): number {
  return values.filter((value) => value !== null && value !== 0).length;
}

/** What a colour of the page is here and now: a canvas knows no variables and no themes. */
function painter(box: HTMLElement): (css: string) => string {
  return (css) => {
    const probe = box.appendChild(document.createElement("i"));
    probe.style.color = css;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
}

/** A range with room for one time alone, and for bars, which stand astride theirs. */
function wide(from: number, to: number, step: number): [number, number] {
  const room = to > from ? step / 2 : 1800;
  return [from - room, to + room];
}
