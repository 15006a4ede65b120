// Questions about what was done: how much, how fast, how well, who spoke, and what it cost.

import { useState } from "preact/hooks";
import { QuestionCard } from "../analytics/question";
import { RangeBar, rangeOf } from "../analytics/range";
import { type Answer, totalOf } from "../analytics/shape";
import { get } from "../api/client";
import { ButtonLink, Empty, ErrorState, Head, Skeleton } from "../components/basics";
import { count, lasting } from "../lib/format";
import type { ViewProps } from "../lib/router";
import { useLoad, useTitle } from "../lib/use";
import "../ops/ops.css";
import "../analytics/analytics.css";

type Answers = Record<string, Answer>;

export default function Analytics({ params, query }: ViewProps) {
  const { value, problem, reload } = useLoad((signal) => get("/v1/analytics", { signal }), []);
  const [answers, keep] = useState<Answers>({});
  const range = rangeOf(query);
  const told = (answer: Answer) => keep((was) => ({ ...was, [answer.query]: answer }));
  const one = value?.queries.find((question) => question.name === params.query);
  useTitle(one?.title ?? "Analytics");
  if (!value)
    return (
      <div class="view">
        <Head title="Analytics" />
        {problem ? <ErrorState problem={problem} retry={reload} /> : <Skeleton lines={8} />}
      </div>
    );
  if (params.query && !one)
    return (
      <Empty title="There is no such question" icon="search">
        {`There are: ${value.queries.map((question) => question.name).join(", ")}.`}
      </Empty>
    );
  return (
    <div class="view">
      <Head
        title={one?.title ?? "Analytics"}
        back={one && { href: `/analytics?${query}`, to: "Analytics" }}
        line={!one && "Asked of the event log and what is folded from it."}
      >
        {!one && (
          <>
            <ButtonLink href={`/analytics/jobs?${query}`}>Jobs as a table</ButtonLink>
            <ButtonLink href="/sql">Ask in SQL</ButtonLink>
          </>
        )}
      </Head>
      <RangeBar range={range} choices={choices(answers)} />
      {one ? (
        <QuestionCard question={one} range={range} whole told={told} />
      ) : (
        <>
          <Totals answers={answers} />
          <div class="chart-grid">
            {value.queries
              .filter((question) => question.name !== "jobs")
              .map((question) => (
                <QuestionCard key={question.name} {...{ question, range, told }} />
              ))}
          </div>
        </>
      )}
    </div>
  );
}

function Totals({ answers }: { answers: Answers }) {
  const { throughput, failures, cost } = answers;
  const tiles: [string, string][] = [
    ["Transcribed", count(totalOf(throughput, "succeeded"))],
    ["Audio", lasting(totalOf(throughput, "audio_s"))],
    ["Failed attempts", count(totalOf(failures, "failures"))],
    ["Spent", `$${totalOf(cost, "cost_usd").toFixed(2)}`],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, value]) => (
        <div class="tile" key={name}>
          <dt>{name}</dt>
          <dd class="num">{throughput ? value : "…"}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The stages, engines and models that the answers name. */
function choices(answers: Answers): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { columns, rows } of Object.values(answers)) {
    for (const name of ["stage", "engine", "model"]) {
      const i = columns.findIndex((column) => column.name === name);
      if (i < 0) continue;
      const values = rows.map((row) => row[i]).filter((one): one is string => Boolean(one));
      found[name] = [...new Set([...(found[name] ?? []), ...values])];
    }
  }
  return found;
}
