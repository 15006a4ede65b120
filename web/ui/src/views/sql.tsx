// Any question in SQL, asked as a role that can only read, within a time limit.

import { useEffect, useState } from "preact/hooks";
import { isNumber, textOf } from "../analytics/values";
import { get, Problem, request, send } from "../api/client";
import type { components } from "../api/schema";
import { Button, Card, Head, Notice, Skeleton } from "../components/basics";
import { Field } from "../components/forms";
import { tell } from "../components/toast";
import { lasting, plural } from "../lib/format";
import { go, type ViewProps, withQuery } from "../lib/router";
import { useLoad, useTitle } from "../lib/use";
import "../analytics/analytics.css";

type Answer = components["schemas"]["SqlRows"];

const SHOWN = 1000;
const EXAMPLE = `SELECT engine, model, count(*) AS attempts,
       round(avg(wall_s)::numeric, 2) AS seconds
FROM attempts
WHERE outcome = 'completed'
GROUP BY engine, model
ORDER BY attempts DESC`;

export default function Sql({ query }: ViewProps) {
  useTitle("SQL");
  const [text, write] = useState(() => query.get("q") ?? EXAMPLE);
  const [answer, take] = useState<Answer | null>(null);
  const [problem, say] = useState("");
  const [running, run] = useState<AbortController | null>(null);
  const views = useLoad((signal) => get("/v1/sql/views", { signal }), []);
  const off = views.value?.off ?? "";

  const ask = async () => {
    const abort = new AbortController();
    running?.abort();
    run(abort);
    say("");
    go(withQuery({ q: text }), { replace: true });
    try {
      const json = { sql: text, limit: SHOWN };
      take(await send<Answer>("POST", "/v1/sql", { json, signal: abort.signal }));
    } catch (error) {
      if (error instanceof Problem) say(error.message);
    }
    run((now) => (now === abort ? null : now));
  };
  useEffect(() => () => running?.abort(), [running]);

  return (
    <div class="view">
      <Head
        title="SQL"
        back={{ href: "/analytics", to: "Analytics" }}
        line="One SELECT over the views at the side. It can read and nothing else, and only what is yours."
      />
      {off && <Notice tone="amber">SQL is off here: {off}</Notice>}
      <div class="sql-grid">
        <div class="stack wide">
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void ask();
            }}
          >
            <Field label="Query" error={problem} hint="Ctrl and Enter runs it.">
              {(given) => (
                <textarea
                  {...given}
                  class="input sql-input"
                  spellcheck={false}
                  value={text}
                  onInput={(event) => write(event.currentTarget.value)}
                  onKeyDown={(event) => {
                    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
                    event.preventDefault();
                    void ask();
                  }}
                />
              )}
            </Field>
            <div class="row">
              <Button look="main" type="submit" icon="play" disabled={Boolean(off) || !text.trim()}>
                Run
              </Button>
              {running && (
                <Button icon="stop" onClick={() => running.abort()}>
                  Stop
                </Button>
              )}
              {answer && (
                <>
                  <Button icon="download" onClick={() => void save(text, "csv")}>
                    CSV
                  </Button>
                  <Button icon="download" onClick={() => void save(text, "parquet")}>
                    Parquet
                  </Button>
                </>
              )}
            </div>
          </form>
          {running && !answer && <Skeleton lines={5} />}
          {answer && <Result answer={answer} />}
        </div>
        <Card title="Views">
          {views.value ? (
            <div class="sql-views">
              {views.value.views.map((view) => (
                <details key={view.name}>
                  <summary title={view.summary}>{view.name}</summary>
                  <p class="dim tiny">{view.summary}</p>
                  <ul>
                    {view.columns.map((column) => (
                      <li key={column.name} title={column.summary}>
                        <code>{column.name}</code>
                        <span class="dim tiny">{column.unit || column.type}</span>
                      </li>
                    ))}
                  </ul>
                </details>
              ))}
            </div>
          ) : (
            <Skeleton lines={6} />
          )}
        </Card>
      </div>
    </div>
  );
}

function Result({ answer }: { answer: Answer }) {
  const { columns, rows, truncated, elapsed_s } = answer;
  const kinds = columns.map(({ name, type }) => ({ name, type: kindOf(type) }));
  return (
    <Card
      title={plural(rows.length, "row")}
      flush
      side={<span class="dim small">{lasting(elapsed_s)}</span>}
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <section class="table-box rows-box" tabIndex={0} aria-label="Rows">
        <table class="table">
          <thead>
            <tr>
              {kinds.map((column, i) => (
                <th
                  key={i}
                  scope="col"
                  class={isNumber(column) ? "num" : undefined}
                  title={columns[i]?.type}
                >
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {kinds.map((column, n) => (
                  <td
                    key={n}
                    class={isNumber(column) ? "num" : "cut"}
                    title={isNumber(column) ? undefined : textOf(row[n], column)}
                  >
                    {typeof row[n] === "number" ? String(row[n]) : textOf(row[n], column)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {truncated && (
        <p class="table-note dim small">There are more rows: the files hold up to 100,000.</p>
      )}
    </Card>
  );
}

/** Postgres's name of a type as one of ours. */
function kindOf(type: string): string {
  if (/int|serial/.test(type)) return "integer";
  if (/float|double|numeric|real/.test(type)) return "number";
  return /^timestamp/.test(type) ? "time" : "text";
}

/** The whole answer as a file. */
async function save(sql: string, format: "csv" | "parquet"): Promise<void> {
  try {
    const reply = await request("POST", "/v1/sql", { query: { format }, json: { sql } });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await reply.blob());
    link.download = `answer.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    if (error instanceof Problem) tell(error.message, "red");
  }
}
