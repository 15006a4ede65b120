// The values of an answer as people read them, by their unit.

import { bytes, count, exact, lasting } from "../lib/format";

export interface Column {
  name: string;
  type: string;
  unit?: string;
}

/** How numbers of a column are written. */
export function formatOf(column: Column | undefined): (value: number) => string {
  switch (column?.unit) {
    case "s":
      return lasting;
    case "USD":
      return (value) => `$${value < 1 ? value.toFixed(4) : value.toFixed(2)}`;
    case "bytes":
      return bytes;
    default:
      if (column?.name === "share") return (value) => `${(value * 100).toFixed(1)} %`;
      return column?.type === "number" ? (value) => value.toPrecision(3) : (value) => count(value);
  }
}

/** Any value of a row as text. */
export function textOf(value: unknown, column: Column): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return formatOf(column)(value);
  if (column.type === "time") return exact(String(value));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function isNumber(column: Column): boolean {
  return column.type === "integer" || column.type === "number";
}
