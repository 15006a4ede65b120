// Where the stages of a plan are drawn: layers by the longest path, lines that do not cross if they need not. Pure.

export interface Needing {
  name: string;
  needs: readonly string[];
}

export interface Spot {
  name: string;
  /** Column, from 0: one more than the furthest of those it needs. */
  layer: number;
  /** Row within the grid, from 0; halves put a lone node in the middle. */
  row: number;
}

export interface Line {
  from: string;
  to: string;
  /** Points in columns and rows, the first at `from`, the last at `to`, one in each column between. */
  points: { layer: number; row: number }[];
}

export interface Layout {
  layers: number;
  rows: number;
  spots: Spot[];
  lines: Line[];
}

interface Slot {
  key: string;
  layer: number;
  above: string[];
  order: number;
}

const SWEEPS = 4;

/** The layout of a plan; needs that are not in it are not drawn. */
export function layout(stages: readonly Needing[]): Layout {
  const known = new Set(stages.map((stage) => stage.name));
  const needs = new Map(
    stages.map(({ name, needs }) => [name, needs.filter((need) => known.has(need))]),
  );
  const layerOf = layersOf(needs);
  const direct = reduced(needs);
  const slots = new Map<string, Slot>();
  const chains: { from: string; to: string; keys: string[] }[] = [];
  for (const { name } of stages)
    slots.set(name, { key: name, layer: layerOf(name), above: [], order: 0 });
  for (const [to, from] of [...direct].flatMap(([to, all]) =>
    all.map((from) => [to, from] as const),
  )) {
    const keys = [from];
    for (let layer = layerOf(from) + 1; layer < layerOf(to); layer++) {
      const key = `${from}>${to}@${layer}`;
      slots.set(key, { key, layer, above: [keys[keys.length - 1] as string], order: 0 });
      keys.push(key);
    }
    slots.get(to)?.above.push(keys[keys.length - 1] as string);
    chains.push({ from, to, keys: [...keys, to] });
  }
  const columns = ordered([...slots.values()]);
  const rows = Math.max(0, ...columns.map((column) => column.length));
  const rowOf = (slot: Slot) => slot.order + (rows - (columns[slot.layer]?.length ?? 0)) / 2;
  return {
    layers: columns.length,
    rows,
    spots: stages.map(({ name }) => {
      const slot = slots.get(name) as Slot;
      return { name, layer: slot.layer, row: rowOf(slot) };
    }),
    lines: chains.map(({ from, to, keys }) => ({
      from,
      to,
      points: keys
        .map((key) => slots.get(key) as Slot)
        .map((slot) => ({ layer: slot.layer, row: rowOf(slot) })),
    })),
  };
}

/** Columns of slots, put in an order in which few lines cross: each near the middle of its neighbours. */
function ordered(slots: Slot[]): Slot[][] {
  const last = Math.max(-1, ...slots.map((slot) => slot.layer));
  const columns: Slot[][] = Array.from({ length: last + 1 }, () => []);
  for (const slot of slots) columns[slot.layer]?.push(slot);
  const below = new Map<string, Slot[]>();
  const byKey = new Map(slots.map((slot) => [slot.key, slot]));
  for (const slot of slots)
    for (const key of slot.above) below.set(key, [...(below.get(key) ?? []), slot]);
  const settle = (column: Slot[], neighbours: (slot: Slot) => Slot[]) => {
    const place = new Map(
      column.map((slot) => [slot, middle(neighbours(slot), slot, column.length)]),
    );
    column.sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0) || a.order - b.order);
    number(column);
  };
  for (const column of columns) number(column);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const column of columns)
      settle(column, (slot) => slot.above.map((key) => byKey.get(key) as Slot));
    for (const column of [...columns].reverse())
      settle(column, (slot) => below.get(slot.key) ?? []);
  }
  return columns;

  function number(column: Slot[]) {
    for (const [order, slot] of column.entries()) slot.order = order;
  }
  function middle(near: Slot[], slot: Slot, size: number) {
    if (!near.length) return slot.order / size;
    return (
      near.reduce((sum, one) => sum + (one.order + 0.5) / (columns[one.layer]?.length ?? 1), 0) /
      near.length
    );
  }
}

function layersOf(needs: Map<string, string[]>): (name: string) => number {
  const found = new Map<string, number>();
  const visit = (name: string, path: Set<string>): number => {
    const known = found.get(name);
    if (known !== undefined) return known;
    if (path.has(name)) return 0; // a circle is not a plan; it is drawn all the same
    path.add(name);
    const layer = Math.max(-1, ...(needs.get(name) ?? []).map((need) => visit(need, path))) + 1;
    path.delete(name);
    found.set(name, layer);
    return layer;
  };
  return (name) => visit(name, new Set());
}

/** Only the needs that no other need stands for: those lines say all that there is to see. */
function reduced(needs: Map<string, string[]>): Map<string, string[]> {
  const reach = (from: string, to: string, seen = new Set<string>()): boolean => {
    if (seen.has(from)) return false;
    seen.add(from);
    return (needs.get(from) ?? []).some((need) => need === to || reach(need, to, seen));
  };
  return new Map(
    [...needs].map(([name, all]) => [
      name,
      all.filter((need) => !all.some((other) => other !== need && reach(other, need))),
    ]),
  );
}
