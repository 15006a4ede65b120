// All that is known of one stage: who did it, how long each part took, what it used, what went wrong.

import type { ComponentChildren } from "preact";
import type { StageView } from "../api/types";
import { Fact, Notice } from "../components/basics";
import { Status } from "../components/status";
import type { Job } from "../fold";
import { between, bytes, count, exact, lasting } from "../lib/format";
import { attempt, doing, speed, stageName, took, troubles } from "./stages";

export function StageFacts({ stage, job, now }: { stage: StageView; job: Job; now: number }) {
  const { detail } = doing(stage, job, now);
  return (
    <section class="stack tight" aria-label={`About ${stageName(stage.name)}`}>
      <header class="row">
        <h3>{stageName(stage.name)}</h3>
        <Status of={stage.status} />
        {detail && <span class="dim small num">{detail}</span>}
      </header>
      {stage.left_out && (
        <Notice>{`It was asked for, and cannot be done: ${stage.left_out}`}</Notice>
      )}
      {stage.reason && stage.status !== "completed" && stage.reason !== stage.left_out && (
        <Notice tone={stage.status === "failed" ? "red" : "amber"}>{stage.reason}</Notice>
      )}
      {stage.warnings.map((warning) => (
        <Notice key={warning}>{warning}</Notice>
      ))}
      <Times stage={stage} now={now} />
      <dl class="facts">
        {rows(stage)
          .filter(([, value]) => value !== "" && value !== null && value !== undefined)
          .map(([name, value]) => (
            <Fact key={name} name={name}>
              {value}
            </Fact>
          ))}
      </dl>
    </section>
  );
}

function rows(stage: StageView): [string, ComponentChildren][] {
  const version = stage.engine_version && ` ${stage.engine_version}`;
  const tokens = stage.tokens_in !== null || stage.tokens_out !== null;
  return [
    ["Engine", `${stage.engine}${version}`],
    ["Model", stage.model],
    ["Replica", stage.owner && <span class="mono wrap">{stage.owner}</span>],
    ["Speed", speed(stage) && `${speed(stage)} real time`],
    [
      "Attempt",
      attempt(stage) > 1 || troubles(stage)
        ? [attempt(stage), troubles(stage)].filter(Boolean).join(", ")
        : "",
    ],
    ["Tries again", stage.status === "retrying" && stage.due_at ? exact(stage.due_at) : ""],
    ["Why it failed", stage.kind],
    ["Memory, at most", stage.peak_rss ? bytes(stage.peak_rss) : ""],
    ["GPU memory, at most", stage.peak_gpu ? bytes(stage.peak_gpu) : ""],
    ["Device", stage.wall_s === null ? "" : stage.device],
    ["Tokens", tokens ? `${count(stage.tokens_in)} in, ${count(stage.tokens_out)} out` : ""],
    ["Cost", stage.cost_usd === null ? "" : `$${stage.cost_usd.toFixed(4)}`],
    ["Comes after", stage.needs.map(stageName).join(", ") || "nothing: it begins"],
    ["If it fails", stage.required ? "the job waits for somebody" : "the job goes on without it"],
  ];
}

/** Waited, loaded, ran: as long as they were, beside each other. */
function Times({ stage, now }: { stage: StageView; now: number }) {
  const until = (to?: string | null) =>
    to ??
    (stage.status === "running" || stage.status === "ready" ? new Date(now).toISOString() : null);
  const waited = between(stage.ready_at, until(stage.started_at));
  const all = stage.started_at
    ? stage.ended_at
      ? took(stage)
      : between(stage.started_at, until(null))
    : undefined;
  const load = stage.load_s && stage.load_s > 0.05 ? stage.load_s : 0;
  const parts = [
    { name: "waited", seconds: waited ?? 0 },
    { name: "loaded its model", seconds: all === undefined ? 0 : Math.min(load, all) },
    {
      name: stage.status === "running" ? "running" : "ran",
      seconds: all === undefined ? 0 : Math.max(0, all - load),
    },
  ].filter((part) => part.seconds > 0.02);
  if (!parts.length) return null;
  return (
    <div class="dag-times">
      <div class="dag-times-bar" aria-hidden="true">
        {parts.map(({ name, seconds }) => (
          <span key={name} data-part={name} style={{ flexGrow: seconds }} />
        ))}
      </div>
      <ul class="row small">
        {parts.map(({ name, seconds }) => (
          <li key={name} data-part={name}>
            <span class="num">{lasting(seconds)}</span> <span class="dim">{name}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
