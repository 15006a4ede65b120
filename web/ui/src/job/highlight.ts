// Marks what was found without touching the text: ranges over it, coloured by ::highlight().

import type { Hit } from "./find";

const able = typeof CSS !== "undefined" && "highlights" in CSS;
const found = able ? new Highlight() : null;
const current = able ? new Highlight() : null;
if (found && current) {
  current.priority = 1;
  CSS.highlights.set("found", found);
  CSS.highlights.set("found-here", current);
}

/** Mark hits in an element; what comes back takes the marks away. */
export function highlight(node: Node, hits: readonly Hit[], here: Hit | undefined): () => void {
  const made: [Highlight, Range][] = [];
  for (const hit of hits) {
    const range = rangeOf(node, hit);
    const kind = hit === here ? current : found;
    if (!range || !kind) continue;
    kind.add(range);
    made.push([kind, range]);
  }
  return () => {
    for (const [kind, range] of made) kind.delete(range);
  };
}

/** The range over the text from `start` to `end`; null where there is no such text. */
function rangeOf(node: Node, { start, end }: Hit): Range | null {
  const range = document.createRange();
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  let at = 0;
  let begun = false;
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const length = text.textContent?.length ?? 0;
    if (!begun && start < at + length) {
      range.setStart(text, start - at);
      begun = true;
    }
    if (begun && end <= at + length) {
      range.setEnd(text, end - at);
      return range;
    }
    at += length;
  }
  return null;
}
