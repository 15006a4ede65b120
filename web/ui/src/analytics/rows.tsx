// The rows of an answer as a table; each leads to the jobs behind it.

import { plural } from "../lib/format";
import { type Answer, jobsBehind, keyOf, nameOf } from "./shape";
import { isNumber, textOf } from "./values";

const SHOWN = 500;

export function Rows({ answer, group }: { answer: Answer; group: string[] }) {
  const { columns, rows } = answer;
  if (!rows.length) return <p class="table-note dim">Nothing in this range.</p>;
  const bucket = columns.findIndex((column) => column.name === "bucket");
  const job = columns.findIndex((column) => column.name === "job");
  const shown = rows.slice(-SHOWN).reverse();
  const behind = (row: unknown[]) => {
    if (job >= 0) return `/jobs/${row[job]}`;
    const from = bucket >= 0 ? Date.parse(String(row[bucket])) / 1000 : undefined;
    return jobsBehind(answer, keyOf(answer, group, row), from);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <section class="table-box rows-box" tabIndex={0} aria-label="Rows">
        <table class="table">
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column.name}
                  scope="col"
                  class={isNumber(column) ? "num" : undefined}
                  title={column.summary}
                >
                  {nameOf(column.name)}
                </th>
              ))}
              <th scope="col">
                <span class="unseen">Jobs</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row, i) => (
              <tr key={i}>
                {columns.map((column, n) => (
                  <td
                    key={column.name}
                    class={isNumber(column) ? "num" : "cut"}
                    title={isNumber(column) ? undefined : textOf(row[n], column)}
                  >
                    {textOf(row[n], column)}
                  </td>
                ))}
                <td>
                  <a href={behind(row)}>{job >= 0 ? "Job" : "Jobs"}</a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {(rows.length > SHOWN || answer.truncated) && (
        <p class="table-note dim small">
          {plural(shown.length, "row")} of {answer.truncated ? "more" : rows.length} are shown; the
          files hold all.
        </p>
      )}
    </>
  );
}
