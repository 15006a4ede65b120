import { describe, expect, it } from "vitest";
import type { CloudEvent } from "../../src/api/types";
import { find } from "../../src/job/find";
import { hear, SILENCE } from "../../src/job/heard";
import { pieces, plain, type Word } from "../../src/job/transcript";

const words = (...texts: string[]): Word[] =>
  texts.map((text, i) => ({ text, start: i, end: i + 1 }));
const joined = (text: string, of: Word[]) => {
  const { parts, rest } = pieces(text, of);
  return parts.map(({ before, word }) => before + word.text).join("") + rest;
};

describe("a text cut where its words are", () => {
  it("is the text again when it is put together", () => {
    const text = "“Well,” he said – not  an ill-disposed man!";
    expect(joined(text, words("Well,", "he", "said", "not", "an", "ill-disposed", "man!"))).toBe(
      text,
    );
  });

  it("gets no blanks where its script has none", () => {
    expect(joined("今日は会議", words("今日", "は", "会議"))).toBe("今日は会議");
  });

  it("stands with blanks between where its words are not in it", () => {
    expect(joined("something else", words("not", "there"))).toBe("not there");
  });

  it("keeps words apart that are the same", () => {
    expect(pieces("no no no", words("no", "no", "no")).parts.map((part) => part.before)).toEqual([
      "",
      " ",
      " ",
    ]);
  });

  it("is never markup", () => {
    expect(plain({ start: 0, end: 1, text: "<b>x</b>", words: words("<b>x</b>") }, "said")).toBe(
      "<b>x</b>",
    );
  });
});

describe("finding words", () => {
  it("minds neither case nor accents, and gives places in the text as it is", () => {
    const text = "Ein Café, zwei CAFÉS";
    expect(find([text], "cafe").map(({ start, end }) => text.slice(start, end))).toEqual([
      "Café",
      "CAFÉ",
    ]);
  });

  it("gives right places after letters that grow or shrink", () => {
    const text = "İstanbul ﬁnally 𝒜 end";
    for (const query of ["istanbul", "finally", "end"]) {
      const [hit] = find([text], query);
      expect(
        hit &&
          text
            .slice(hit.start, hit.end)
            .normalize("NFKD")
            .replace(/\p{Mn}/gu, "")
            .toLowerCase(),
      ).toBe(query);
    }
  });

  it("finds several in a text, in order, none over another", () => {
    expect(find(["aaaa", "b", "aa"], "aa").map(({ segment, start }) => [segment, start])).toEqual([
      [0, 0],
      [0, 2],
      [2, 0],
    ]);
  });

  it("finds nothing for nothing", () => {
    expect(find(["a"], "  ")).toEqual([]);
    expect(find(["a"], "b")).toEqual([]);
  });
});

describe("what is heard", () => {
  const event = (rev: number, data: Record<string, unknown>, type = "segment.finalized") =>
    ({ type: `dev.dalston.${type}.v1`, rev, data }) as unknown as CloudEvent;
  const said = (...texts: string[]) => texts.map((text, i) => ({ start: i, end: i + 1, text }));
  const texts = (events: CloudEvent[]) =>
    events.reduce(hear, SILENCE).segments.map((segment) => segment.text);

  it("grows as it is told", () => {
    expect(
      texts([
        event(5, { token: 1, segments: said("a", "b") }),
        event(6, { token: 1, first: 2, segments: said("c") }),
      ]),
    ).toEqual(["a", "b", "c"]);
  });

  it("is not heard twice when it is told twice", () => {
    const [one, two] = [
      event(5, { token: 1, first: 0, segments: said("a") }),
      event(6, { token: 1, first: 1, segments: said("b") }),
    ];
    expect(texts([one, two, one, two])).toEqual(["a", "b"]);
  });

  it("begins anew with a new attempt, and an older one says no more", () => {
    expect(
      texts([
        event(5, { token: 1, first: 0, segments: said("a", "b") }),
        event(8, { token: 2, first: 0, segments: said("x") }),
        event(9, { token: 1, first: 2, segments: said("c") }),
      ]),
    ).toEqual(["x"]);
  });

  it("is told by nothing else", () => {
    expect(texts([event(5, { segments: said("a") }, "stage.completed")])).toEqual([]);
  });
});
