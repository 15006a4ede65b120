// One job in the list: what it is, how it does, and when it came.

import { Progress, When } from "../components/basics";
import { ended, Status, statusTone } from "../components/status";
import type { Job } from "../fold";
import { clock, lasting, percent, plural } from "../lib/format";
import { languageName } from "./offers";

export function JobRow({ job }: { job: Job }) {
  const moving = !ended(job.status);
  const trouble = (job.status === "failed" || job.status === "blocked") && job.reason;
  return (
    <a class="job-row" href={`/jobs/${job.id}`}>
      <span class="job-name cut" title={job.filename}>
        {job.filename || "Without a name"}
      </span>
      <span class="job-facts cut">
        {trouble ? <span class="job-trouble">{job.reason}</span> : facts(job)}
      </span>
      <span class="job-state">
        <Status of={job.status} />
      </span>
      <span class="job-when">
        <When at={job.submitted_at} />
      </span>
      {moving && (
        <span class="job-progress">
          <Progress
            value={job.progress}
            label={`${job.filename}: done`}
            tone={statusTone(job.status) === "amber" ? "amber" : "blue"}
          />
        </span>
      )}
    </a>
  );
}

function facts(job: Job): string {
  const { request, stages } = job;
  const running = stages.filter((one) => one.status === "running");
  const model = stages.find((one) => one.name === "transcribe")?.model ?? request.model;
  const took = job.ended_at
    ? (Date.parse(job.ended_at) - Date.parse(job.submitted_at)) / 1000
    : null;
  const waiting = stages.filter((one) => one.status === "ready");
  const said = running.length
    ? running.map((one) => `${one.name} ${percent(one.progress)}`)
    : waiting.length
      ? waiting.map((one) => `${one.name} waits for ${one.engine}`)
      : [
          request.language && languageName(request.language),
          model,
          request.diarize && "speakers",
          request.emotion && "emotion",
          (request.cleanup || request.summary) && "clean text",
          request.redact && "masked",
          job.status === "succeeded" && took !== null && `took ${lasting(took)}`,
          job.warnings.length > 0 && plural(job.warnings.length, "warning"),
        ];
  const length = job.audio_s === null ? "" : clock(job.audio_s);
  return [length, ...said].filter(Boolean).join(" · ");
}
