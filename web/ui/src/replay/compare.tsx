// Two moments of a past side by side: what is different in the state, and in the words.

import { diffWords } from "diff";
import { useMemo } from "preact/hooks";
import { Card, Skeleton } from "../components/basics";
import { plural } from "../lib/format";
import { differences, type Moment } from "./history";
import { textOf, useWords } from "./words";

interface Props {
  id: string;
  past: Moment[];
  /** The earlier and the later index. */
  from: number;
  to: number;
}

export function Compare({ id, past, from, to }: Props) {
  const found = differences(past[from]?.job ?? null, past[to]?.job ?? null);
  const [before, after] = [useWords(id, past, from), useWords(id, past, to)];
  const [a, b] = [textOf(before), textOf(after)];
  const pieces = useMemo(() => diffWords(a, b), [a, b]);
  const changed = pieces.filter((piece) => piece.added || piece.removed).length;
  return (
    <>
      <Card
        title={`State: event ${from + 1} beside ${to + 1}`}
        side={plural(found.length, "change")}
      >
        {found.length ? (
          <div class="table-box">
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">What</th>
                  <th scope="col">Before</th>
                  <th scope="col">After</th>
                </tr>
              </thead>
              <tbody>
                {found.map((one) => (
                  <tr key={one.what}>
                    <th scope="row">{one.what}</th>
                    <td class="wrap dim">{one.before || "–"}</td>
                    <td class="wrap">{one.after || "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <p class="dim">The state is the same at both.</p>
        )}
      </Card>
      <Card title="Words" side={before && after && plural(changed, "change")}>
        {!(before && after) ? (
          <Skeleton lines={4} />
        ) : a || b ? (
          <p class="replay-diff wrap">
            {pieces.map((piece, i) =>
              piece.added ? (
                <ins key={i}>{piece.value}</ins>
              ) : piece.removed ? (
                <del key={i}>{piece.value}</del>
              ) : (
                <span key={i}>{piece.value}</span>
              ),
            )}
          </p>
        ) : (
          <p class="dim">Nothing was heard at either.</p>
        )}
      </Card>
    </>
  );
}
