// Where words are found in a transcript, whatever their case and their accents. Pure.

export interface Hit {
  segment: number;
  /** Offsets into the segment's text, in UTF-16 units, as the document counts them. */
  start: number;
  end: number;
}

const MARKS = /\p{Mn}+/gu;

/** A text without case and accents, and for each of its units the place in the original. */
function bare(text: string): { text: string; at: number[] } {
  let out = "";
  const at: number[] = [];
  let place = 0;
  for (const char of text) {
    const plain = char.normalize("NFKD").replace(MARKS, "").toLowerCase();
    for (let i = 0; i < plain.length; i++) at.push(place);
    out += plain;
    place += char.length;
  }
  at.push(place);
  return { text: out, at };
}

/** All places where `query` stands in the texts, in order; none for an empty query. */
export function find(texts: readonly string[], query: string): Hit[] {
  const wanted = bare(query.trim().replace(/\s+/gu, " ")).text;
  const hits: Hit[] = [];
  if (!wanted) return hits;
  for (const [segment, original] of texts.entries()) {
    const { text, at } = bare(original);
    for (
      let from = text.indexOf(wanted);
      from >= 0;
      from = text.indexOf(wanted, from + wanted.length)
    ) {
      const last = from + wanted.length - 1;
      const start = at[from] ?? 0;
      let next = last + 1;
      while (next < at.length - 1 && at[next] === at[last]) next += 1;
      hits.push({ segment, start, end: at[next] ?? original.length });
    }
  }
  return hits;
}
