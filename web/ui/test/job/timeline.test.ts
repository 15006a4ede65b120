import { describe, expect, it } from "vitest";
import {
  feelings,
  moods,
  nextTurn,
  segmentOf,
  talk,
  timelineOf,
  turns,
  wordAt,
  wordNear,
} from "../../src/job/timeline";
import type { Segment, Transcript } from "../../src/job/transcript";

const word = (text: string, start: number, end: number, speaker?: string) => ({
  text,
  start,
  end,
  speaker,
});

const SEGMENTS: Segment[] = [
  {
    start: 1,
    end: 3,
    text: "one two",
    speaker: "A",
    words: [word("one", 1, 1.4), word("two", 2, 3)],
  },
  { start: 2.5, end: 4, text: "over", speaker: "B", words: [word("over", 2.5, 4)] },
  { start: 10, end: 12, text: "no words here", speaker: "A", emotion: { label: "sad" } },
  { start: 12.2, end: 13, text: "more", speaker: "A", emotion: { label: "sad" } },
  {
    start: 20,
    end: 21,
    text: "end",
    speaker: "B",
    words: [word("end", 20, 21)],
    emotion: { label: "happy" },
  },
];

describe("the word at a time", () => {
  const timeline = timelineOf(SEGMENTS, "said");

  it("is the one that is heard", () => {
    expect(wordAt(timeline, 1)).toBe(0);
    expect(wordAt(timeline, 2.2)).toBe(1);
    expect(wordAt(timeline, 20.5)).toBe(5);
  });

  it("lingers a moment after its end, then there is silence", () => {
    expect(wordAt(timeline, 1.9)).toBe(0);
    expect(wordAt(timeline, 6)).toBe(-1);
    expect(wordAt(timeline, 0.5)).toBe(-1);
  });

  it("is the one that began last where two talk at once", () => {
    expect(wordAt(timeline, 2.6)).toBe(2);
  });

  it("is the whole segment where an engine gave no words", () => {
    expect(wordAt(timeline, 11)).toBe(3);
    expect(segmentOf(timeline, 3)).toBe(2);
  });

  it("is near one even in silence, for a link to a moment", () => {
    expect(wordNear(timeline, 7)).toBe(2);
    expect(wordNear(timeline, 0)).toBe(0);
    expect(wordNear(timelineOf([], "said"), 5)).toBe(-1);
  });

  it("finds each word's segment", () => {
    expect([0, 1, 2, 3, 4, 5].map((one) => segmentOf(timeline, one))).toEqual([0, 0, 1, 2, 3, 4]);
  });

  it("goes by the clean words where they are shown", () => {
    const clean = { text: "One", words: [word("One", 1, 3)] };
    const [first, ...rest] = SEGMENTS as [Segment, ...Segment[]];
    const cleaned = timelineOf([{ ...first, clean }, ...rest], "clean");
    expect([...cleaned.first]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(wordAt(cleaned, 2.2)).toBe(0);
  });

  it("is looked up in no time among 30,000", () => {
    const many = Array.from(
      { length: 3000 },
      (_, i): Segment => ({
        start: i * 4,
        end: i * 4 + 3,
        text: "",
        words: Array.from({ length: 10 }, (_, k) =>
          word(`w${k}`, i * 4 + k * 0.3, i * 4 + k * 0.3 + 0.25),
        ),
      }),
    );
    const long = timelineOf(many, "said");
    for (let i = 0; i < 30_000; i += 7) {
      const start = Math.floor(i / 10) * 4 + (i % 10) * 0.3;
      expect(wordAt(long, start + 0.01)).toBe(i);
      expect(segmentOf(long, i)).toBe(Math.floor(i / 10));
    }
  });
});

describe("turns", () => {
  const bands = turns(SEGMENTS);

  it("join what one says in a row, over short pauses only", () => {
    expect(bands).toEqual([
      { start: 1, end: 3, of: "A" },
      { start: 2.5, end: 4, of: "B" },
      { start: 10, end: 13, of: "A" },
      { start: 20, end: 21, of: "B" },
    ]);
  });

  it("are whole where two talk at once", () => {
    const at = (speaker: string, from: number): Segment => ({
      start: from,
      end: from + 8,
      text: "",
      speaker,
      words: Array.from({ length: 8 }, (_, i) => word("w", from + i, from + i + 0.8, speaker)),
    });
    expect(turns([at("A", 0), at("B", 0.5)])).toEqual([
      { start: 0, end: 7.8, of: "A" },
      { start: 0.5, end: 8.3, of: "B" },
    ]);
  });

  it("go by words where these know who says them", () => {
    const mixed: Segment = {
      start: 0,
      end: 4,
      text: "a b",
      speaker: "A",
      words: [word("a", 0, 1, "A"), word("b", 1.2, 4, "B")],
    };
    expect(turns([mixed]).map((band) => band.of)).toEqual(["A", "B"]);
  });

  it("lead to the next one of somebody else", () => {
    expect(nextTurn(bands, 0)?.start).toBe(1);
    expect(nextTurn(bands, 1)?.start).toBe(2.5);
    expect(nextTurn(bands, 10)?.start).toBe(20);
    expect(nextTurn(bands, 20)).toBeUndefined();
  });
});

it("talk time adds up to all that is said, silent speakers included", () => {
  const transcript: Transcript = {
    duration: 30,
    segments: SEGMENTS,
    speakers: [{ id: "A" }, { id: "B" }, { id: "C" }],
  };
  const all = talk(transcript);
  expect(all.map((one) => [one.id, Number(one.seconds.toFixed(2)), one.turns])).toEqual([
    ["A", 4.8, 2],
    ["B", 2.5, 2],
    ["C", 0, 0],
  ]);
  expect(all.reduce((sum, one) => sum + one.share, 0)).toBeCloseTo(1);
});

it("emotions have their shares of the time that was judged", () => {
  const bands = moods(SEGMENTS);
  expect(bands.map((band) => band.of)).toEqual(["sad", "happy"]);
  expect(feelings(bands).map(({ label, share }) => [label, share])).toEqual([
    ["sad", 0.75],
    ["happy", 0.25],
  ]);
});
