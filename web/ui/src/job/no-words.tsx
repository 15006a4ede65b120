// Where the words would be: why there are none, and whether some come.

import { Empty, ErrorState, Skeleton } from "../components/basics";
import type { Job } from "../fold";
import type { Best } from "./use-transcript";

export function NoWords({ job, best }: { job: Job; best: Best }) {
  if (best.problem)
    return (
      <ErrorState
        problem={best.problem}
        retry={best.reload}
        title="The transcript cannot be shown"
      />
    );
  if (best.loading)
    return (
      <div class="words-none">
        <Skeleton lines={6} height={22} />
      </div>
    );
  if (best.from === "final" || best.transcript)
    return (
      <Empty title="Nobody speaks in this audio" icon="info">
        The engine heard no words in it.
      </Empty>
    );
  if (job.status === "failed")
    return (
      <Empty title="There is no transcript" icon="warning">
        The job failed before there was one. What went wrong stands above; Run again begins anew
        with the same audio.
      </Empty>
    );
  if (job.status === "cancelled")
    return (
      <Empty title="There is no transcript" icon="stop">
        The job was cancelled before there was one.
      </Empty>
    );
  if (job.status === "blocked")
    return (
      <Empty title="No words yet" icon="clock">
        A stage is parked, for the reason above. It goes on when somebody lets it try again.
      </Empty>
    );
  if (job.request.redact)
    return (
      <Empty title="The words come once they are masked" icon="clock">
        What is personal is masked first, so nothing is shown before.
      </Empty>
    );
  return (
    <Empty title="The words appear here as they are heard" icon="clock">
      The first come soon after the transcriber has begun.
    </Empty>
  );
}
