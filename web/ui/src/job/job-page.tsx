// One job, live or done: its head, its stages, its audio and its words.

import { useState } from "preact/hooks";
import type { Problem } from "../api/client";
import { Empty, ErrorState, Notice } from "../components/basics";
import { Icon } from "../components/icons";
import { ended } from "../components/status";
import type { Job } from "../fold";
import { lasting, plural } from "../lib/format";
import { useTitle } from "../lib/use";
import type { Access } from "./access";
import { Dag } from "./dag";
import { JobHead } from "./job-head";
import { Speech } from "./speech";
import { useHeight, useNow } from "./use";
import { useTranscript } from "./use-transcript";
import { Waiting } from "./waiting";
import "./job.css";

interface Props {
  access: Access;
  job: Job;
  /** A moment that the address speaks of, in seconds. */
  at: number | undefined;
}

export function JobPage({ access, job, at }: Props) {
  useTitle(job.erased ? "Erased" : job.filename);
  useHeight(".bar", "--bar", null);
  const over = ended(job.status);
  const now = useNow(!over);
  const best = useTranscript(access, job);
  return (
    <div class="view job">
      <JobHead access={access} job={job} now={now} transcript={best.transcript} />
      {job.reason && job.status !== "succeeded" && !job.erased && (
        <Notice tone={job.status === "failed" ? "red" : "amber"}>
          <Reason text={job.reason} />
        </Notice>
      )}
      <Warnings of={job.warnings} />
      {!over && access.share === undefined && <Waiting job={job} now={now} />}
      {job.erased ? (
        <Empty title="This job was erased" icon="trash">
          Its audio, its words and everything said about it are gone for good. That it was, and how
          it went, stays.
        </Empty>
      ) : null}
      <Stages job={job} now={now} over={over} />
      {!job.erased && <Speech access={access} job={job} best={best} at={at} />}
    </div>
  );
}

/** A reason, with the jobs that it names as links. */
function Reason({ text }: { text: string }) {
  const parts = text.split(/\b([0-9a-hjkmnp-tv-z]{26})\b/);
  return (
    <>
      {parts.map((part, i) =>
        i % 2 ? (
          <a key={part} href={`/jobs/${part}`}>
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </>
  );
}

/** A few stand there; more are folded away behind their number. */
function Warnings({ of }: { of: readonly string[] }) {
  const notices = of.map((warning) => <Notice key={warning}>{warning}</Notice>);
  if (of.length < 3) return <>{notices}</>;
  return (
    <details class="panel">
      <summary>
        <h2>{plural(of.length, "warning")}</h2>
        <Icon name="down" size={12} />
      </summary>
      <div class="stack tight">{notices}</div>
    </details>
  );
}

/** Open while it runs, and for whoever watched it; a line for whoever comes later. */
function Stages({ job, now, over }: { job: Job; now: number; over: boolean }) {
  const [open, set] = useState(!over || job.status === "failed");
  const done = job.stages.filter((stage) => stage.status === "completed");
  const busy = done.reduce((sum, stage) => sum + (stage.wall_s ?? 0), 0);
  return (
    <details class="card stages" open={open} onToggle={(event) => set(event.currentTarget.open)}>
      <summary>
        <h2>Stages</h2>
        <span class="dim small num">
          {done.length} of {plural(job.stages.length, "stage")} done
          {busy > 0 && <span class="play-wide">{`, ${lasting(busy)} of work`}</span>}
        </span>
        <Icon name="down" size={12} />
      </summary>
      {open && <Dag job={job} now={now} />}
    </details>
  );
}

/** A job that cannot be shown, in the server's words. */
export function NoJob({ problem, retry }: { problem: Problem; retry: () => void }) {
  if (problem.status === 404)
    return (
      <Empty title="There is no such job" icon="search">
        {problem.message}
      </Empty>
    );
  return <ErrorState problem={problem} retry={retry} title="The job cannot be shown" />;
}
