// Answers of analytics as lines of a chart, and the links to what is behind them.

import { expect, test } from "vitest";
import { type Answer, chartOf, jobsBehind, totalOf } from "../src/analytics/shape";
import { formatOf, textOf } from "../src/analytics/values";

const column = (name: string, type = "number", unit = "") => ({ name, type, unit, summary: "" });
const answer: Answer = {
  query: "cost",
  since: "2026-01-01T00:00:00Z",
  until: "2026-01-04T00:00:00Z",
  bucket: "day",
  sql: "SELECT 1",
  columns: [
    column("bucket", "time"),
    column("engine", "text"),
    column("model", "text"),
    column("wall_s", "number", "s"),
  ],
  rows: [
    ["2026-01-01T00:00:00Z", "a", null, 2],
    ["2026-01-01T00:00:00Z", "b", "m", 5],
    ["2026-01-03T00:00:00Z", "a", null, 4],
  ],
  truncated: false,
};

test("each engine and model has a line, the greatest first, with nought where nothing was", () => {
  const chart = chartOf(answer, ["engine", "model"], "wall_s");
  const days = chart.times.map((time) => new Date(time * 1000).getUTCDate());
  expect(days).toEqual(expect.arrayContaining([1, 2, 3]));
  const at = (day: number, line: number) => chart.series[line]?.values[days.indexOf(day)];
  expect(chart.series.map((one) => [one.label, one.total])).toEqual([
    ["a", 6],
    ["b · m", 5],
  ]);
  expect([at(1, 0), at(2, 0), at(3, 0), at(3, 1)]).toEqual([2, 0, 4, 0]);
});

test("what is not summed up is not known where nothing was", () => {
  const wait = { ...answer, columns: [...answer.columns.slice(0, 3), column("rtf")] };
  const chart = chartOf(wait, ["engine"], "rtf");
  const gap = chart.times.findIndex((time) => new Date(time * 1000).getUTCDate() === 2);
  expect(chart.series.find((one) => one.label === "a")?.values[gap]).toBeNull();
});

test("lines that are too many are counted", () => {
  const chart = chartOf(answer, ["engine", "model"], "wall_s", 1);
  expect([chart.series.length, chart.others]).toEqual([1, 1]);
});

test("a part of an answer leads to its jobs: of that time, engine and model", () => {
  const link = new URL(
    jobsBehind(answer, { engine: "b", model: "m" }, Date.parse("2026-01-01T00:00:00Z") / 1000),
    "http://x",
  );
  expect(Object.fromEntries(link.searchParams)).toEqual({
    since: "2026-01-01T00:00:00.000Z",
    until: "2026-01-02T00:00:00.000Z",
    engine: "b",
    model: "m",
  });
});

test("values are written by their unit, and what is missing is a dash", () => {
  expect(totalOf(answer, "wall_s")).toBe(11);
  expect(formatOf(column("wall_s", "number", "s"))(65)).toBe("1 min 5 s");
  expect(formatOf(column("cost_usd", "number", "USD"))(0.0012)).toBe("$0.0012");
  expect(textOf(null, column("model", "text"))).toBe("–");
});
