// The stages of a job as a graph, at any moment of it; a list where there is no room for one.

import { useId, useMemo, useState } from "preact/hooks";
import type { StageView } from "../api/types";
import { Progress } from "../components/basics";
import { Icon } from "../components/icons";
import type { Job } from "../fold";
import { type Layout, type Line, layout } from "./dag-layout";
import { StageFacts } from "./stage-facts";
import { doing, spoken, stageName, troubles } from "./stages";
import { useNarrow } from "./use";
import "./dag.css";

/** A node takes so much of its column's 100 units; the rest is for lines. */
const NODE = 80;

/** `now` in ms: what runs is measured against it, so a replay gives the time of the event it stands at. */
export function Dag({ job, now }: { job: Job; now: number }) {
  const [chosen, choose] = useState<string | null>(null);
  const narrow = useNarrow();
  const id = useId();
  const shape = job.stages.map(({ name, needs }) => `${name}<${needs.join(",")}`).join(";");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape of a plan is all that its drawing goes by
  const drawn = useMemo(() => layout(job.stages), [shape]);
  const open = job.stages.find((stage) => stage.name === chosen);
  if (!job.stages.length) return <p class="dag-none dim">Its plan is on the way.</p>;
  const node = (stage: StageView) => (
    <StageNode
      stage={stage}
      job={job}
      now={now}
      open={stage === open}
      panel={`${id}-facts`}
      toggle={() => choose(stage.name === chosen ? null : stage.name)}
    />
  );
  const facts = open && (
    <div class="dag-facts" id={`${id}-facts`}>
      <StageFacts stage={open} job={job} now={now} />
    </div>
  );
  if (narrow)
    return (
      <ol class="dag-list" aria-label="Stages">
        {job.stages.map((stage) => (
          <li key={stage.name}>
            {node(stage)}
            {stage === open && facts}
          </li>
        ))}
      </ol>
    );
  return (
    <div class="dag">
      <div class="dag-scroll">
        <div class="dag-grid" style={{ "--layers": drawn.layers, "--rows": drawn.rows }}>
          <Lines drawn={drawn} job={job} />
          <ol aria-label="Stages">
            {job.stages.map((stage, i) => (
              <li
                key={stage.name}
                style={{ "--layer": drawn.spots[i]?.layer ?? 0, "--row": drawn.spots[i]?.row ?? 0 }}
              >
                {node(stage)}
              </li>
            ))}
          </ol>
        </div>
      </div>
      {facts}
    </div>
  );
}

interface NodeProps {
  stage: StageView;
  job: Job;
  now: number;
  open: boolean;
  panel: string;
  toggle: () => void;
}

function StageNode({ stage, job, now, open, panel, toggle }: NodeProps) {
  const { tone, word, detail, moving } = doing(stage, job, now);
  const trouble = troubles(stage);
  return (
    <button
      type="button"
      class="dag-node"
      data-stage={stage.name}
      data-status={stage.status}
      data-tone={tone}
      aria-expanded={open}
      aria-controls={open ? panel : undefined}
      onClick={toggle}
    >
      <span class="dag-top">
        <span class="dag-dot" data-moving={moving || undefined} />
        <span class="dag-name cut">{stageName(stage.name)}</span>{" "}
        {trouble && (
          <span class="dag-trouble" title={trouble} aria-hidden="true">
            <Icon name="again" size={12} />
            {stage.failed + stage.lost + stage.preempted}
          </span>
        )}
      </span>
      <span class="dag-doing cut">
        <span class="dag-word">{word}</span>
        {detail && <span class="dag-detail num"> {detail}</span>}{" "}
      </span>
      <span class="unseen"> {spoken(stage)}</span>
      {stage.status === "running" && (
        <span aria-hidden="true">
          <Progress
            value={stage.progress || undefined}
            label={`${stageName(stage.name)}: progress`}
          />
        </span>
      )}
    </button>
  );
}

function Lines({ drawn, job }: { drawn: Layout; job: Job }) {
  const width = drawn.layers * 100 - (100 - NODE);
  const status = new Map(job.stages.map((stage) => [stage.name, stage.status]));
  return (
    <svg
      class="dag-lines"
      viewBox={`0 0 ${width} ${drawn.rows * 100}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {drawn.lines.map((line) => (
        <path
          key={`${line.from}>${line.to}`}
          d={pathOf(line)}
          vector-effect="non-scaling-stroke"
          data-state={stateOf(status.get(line.from), status.get(line.to))}
        />
      ))}
    </svg>
  );
}

/** Whether something has gone over a line, or is going over it now. */
function stateOf(from = "", to = ""): "idle" | "live" | "done" {
  if (to === "running") return "live";
  return from === "completed" && to !== "pending" && to !== "skipped" ? "done" : "idle";
}

function pathOf({ points }: Line): string {
  const y = (row: number) => row * 100 + 50;
  return points.slice(1).reduce(
    (path, { layer, row }, i) => {
      const last = points[i] as { layer: number; row: number };
      const [x0, x1] = [last.layer * 100 + NODE, layer * 100];
      const half = (x0 + x1) / 2;
      const through = i < points.length - 2 ? ` H ${x1 + NODE}` : "";
      return `${path} C ${half} ${y(last.row)} ${half} ${y(row)} ${x1} ${y(row)}${through}`;
    },
    `M ${(points[0]?.layer ?? 0) * 100 + NODE} ${y(points[0]?.row ?? 0)}`,
  );
}
