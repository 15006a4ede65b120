// One question of analytics: its chart, and where that is open the rows, the SQL and the files.

import { useMemo, useState } from "preact/hooks";
import { address, send } from "../api/client";
import { ButtonLink, Card, ErrorState, Skeleton } from "../components/basics";
import { Select } from "../components/forms";
import { go } from "../lib/router";
import { useLoad } from "../lib/use";
import { lineColour, Plot } from "./chart";
import { type Range, sameRange } from "./range";
import { Rows } from "./rows";
import { type Answer, chartOf, jobsBehind, MEASURES, nameOf, type Question } from "./shape";
import { formatOf } from "./values";

interface Props {
  question: Question;
  range: Range;
  /** Alone on its page, with all that belongs to it. */
  whole?: boolean;
  /** Told each answer, so that the page can add up and offer what there is. */
  told?: (answer: Answer) => void;
}

export function QuestionCard({ question, range, whole, told }: Props) {
  const { value, problem, loading, reload } = useLoad(
    async (signal) => {
      const path = `/v1/analytics/${question.name}`;
      const answer = await send<Answer>("GET", path, { query: { ...range }, signal });
      told?.(answer);
      return answer;
    },
    [question.name, ...Object.values(range)],
  );
  const measures = MEASURES[question.name] ?? [];
  const [measure, choose] = useState(measures[0] ?? "");
  const chart = useMemo(
    () => (value && measure ? chartOf(value, question.group, measure) : undefined),
    [value, question.group, measure],
  );
  const column = question.columns.find((one) => one.name === measure);
  const format = useMemo(() => formatOf(column), [column]);
  const files = (format: string) =>
    address(`/v1/analytics/${question.name}`, {}, { ...range, format });
  const side = (
    <>
      {measures.length > 1 && (
        <Select
          label={`Measure of ${question.title}`}
          bare
          value={measure}
          options={measures.map((one) => [one, nameOf(one)] as const)}
          onChange={(event) => choose(event.currentTarget.value)}
        />
      )}
      {!whole && (
        <ButtonLink small look="quiet" href={sameRange(question.name)}>
          Open<span class="unseen"> {question.title}</span>
        </ButtonLink>
      )}
    </>
  );
  return (
    <>
      <Card title={question.title} side={side}>
        <p class="dim small chart-line">{question.summary}</p>
        {problem && !value ? (
          <ErrorState problem={problem} retry={reload} />
        ) : !value ? (
          <Skeleton lines={5} height={28} />
        ) : !measure ? null : !value.rows.length ? (
          <p class="chart-none dim">Nothing in this range.</p>
        ) : (
          chart && (
            <div aria-busy={loading}>
              <Plot
                chart={chart}
                measure={measure}
                format={format}
                height={whole ? 340 : 220}
                label={`${question.title}: ${nameOf(measure)} over time; the rows say the same`}
                open={(i) => {
                  const from = chart.times[i];
                  const key = chart.series.length === 1 ? chart.series[0]?.key : undefined;
                  if (from !== undefined) go(jobsBehind(value, key ?? {}, from));
                }}
              />
              <Legend {...{ chart, answer: value, format, measure }} />
            </div>
          )
        )}
      </Card>
      {whole && value && (
        <>
          <Card
            title="Rows"
            flush
            side={
              <>
                <ButtonLink small icon="download" href={files("csv")} download>
                  CSV
                </ButtonLink>
                <ButtonLink small icon="download" href={files("parquet")} download>
                  Parquet
                </ButtonLink>
              </>
            }
          >
            <Rows answer={value} group={question.group} />
          </Card>
          <Card
            title="Its query"
            side={
              <ButtonLink small href={`/sql?q=${encodeURIComponent(value.sql)}`}>
                Change it
              </ButtonLink>
            }
          >
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
            <pre class="code" tabIndex={0} aria-label="SQL">
              {value.sql}
            </pre>
          </Card>
        </>
      )}
    </>
  );
}

interface LegendProps {
  chart: ReturnType<typeof chartOf>;
  answer: Answer;
  format: (value: number) => string;
  measure: string;
}

/** Which line is whose; each leads to the jobs behind it. */
function Legend({ chart, answer }: LegendProps) {
  return (
    <ul class="legend">
      {chart.series.map((one, i) => (
        <li key={one.label}>
          <a href={jobsBehind(answer, one.key)} title="The jobs behind it">
            <span class="swatch" style={{ background: lineColour(i) }} aria-hidden="true" />
            {one.label}
          </a>
        </li>
      ))}
      {chart.others > 0 && <li class="dim">and {chart.others} more, in the rows</li>}
    </ul>
  );
}
