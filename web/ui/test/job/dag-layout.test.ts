import { describe, expect, it } from "vitest";
import { layout } from "../../src/job/dag-layout";

const PLAN = [
  { name: "prepare", needs: [] },
  { name: "language", needs: ["prepare"] },
  { name: "transcribe", needs: ["prepare", "language"] },
  { name: "align", needs: ["prepare", "transcribe"] },
  { name: "diarize", needs: ["prepare"] },
  { name: "emotion", needs: ["prepare", "transcribe", "align"] },
  { name: "cleanup", needs: ["transcribe", "align"] },
  {
    name: "merge",
    needs: ["prepare", "language", "transcribe", "align", "diarize", "emotion", "cleanup"],
  },
  { name: "redact", needs: ["prepare", "merge"] },
];

describe("layout", () => {
  const drawn = layout(PLAN);
  const at = new Map(drawn.spots.map((spot) => [spot.name, spot]));

  it("puts each stage right of all that it needs, by the longest path", () => {
    for (const { name, needs } of PLAN) {
      const furthest = Math.max(-1, ...needs.map((need) => at.get(need)?.layer ?? 0));
      expect(at.get(name)?.layer, name).toBe(furthest + 1);
    }
    expect(drawn.layers).toBe(7);
  });

  it("puts no two stages in the same place", () => {
    expect(new Set(drawn.spots.map(({ layer, row }) => `${layer}/${row}`)).size).toBe(PLAN.length);
  });

  it("draws no line that others stand for", () => {
    const lines = drawn.lines.map(({ from, to }) => `${from}>${to}`).sort();
    expect(lines).toEqual([
      "align>cleanup",
      "align>emotion",
      "cleanup>merge",
      "diarize>merge",
      "emotion>merge",
      "language>transcribe",
      "merge>redact",
      "prepare>diarize",
      "prepare>language",
      "transcribe>align",
    ]);
  });

  it("leads a long line through every column between, beside the stages there", () => {
    const line = drawn.lines.find(({ from, to }) => from === "diarize" && to === "merge");
    expect(line?.points.map((point) => point.layer)).toEqual([1, 2, 3, 4, 5]);
    const inner = line?.points.slice(1, -1) ?? [];
    const taken = new Set(drawn.spots.map(({ layer, row }) => `${layer}/${row}`));
    for (const { layer, row } of inner) expect(taken.has(`${layer}/${row}`)).toBe(false);
  });

  it("stays within its rows, and a lone stage stands in their middle", () => {
    for (const { row } of drawn.spots) {
      expect(row).toBeGreaterThanOrEqual(0);
      expect(row).toBeLessThanOrEqual(drawn.rows - 1);
    }
    expect(at.get("prepare")?.row).toBe((drawn.rows - 1) / 2);
  });

  it("draws what is no plan too: nothing, strangers, a circle", () => {
    expect(layout([])).toEqual({ layers: 0, rows: 0, spots: [], lines: [] });
    expect(layout([{ name: "a", needs: ["gone"] }]).spots).toEqual([
      { name: "a", layer: 0, row: 0 },
    ]);
    const circle = layout([
      { name: "a", needs: ["b"] },
      { name: "b", needs: ["a"] },
    ]);
    expect(circle.spots.map((spot) => spot.name)).toEqual(["a", "b"]);
  });
});
