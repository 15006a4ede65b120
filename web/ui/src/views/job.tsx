// /jobs/{id}: one job, live; `?t=12.3` opens it at a moment.

import { useMemo } from "preact/hooks";
import { Skeleton } from "../components/basics";
import { JobPage, NoJob } from "../job/job-page";
import type { ViewProps } from "../lib/router";
import { useLoad, useTitle } from "../lib/use";
import { fetchJob, jobOf, snapshots } from "../store";

export default function Job({ params, query }: ViewProps) {
  useTitle("Job");
  const id = params.id ?? "";
  const job = jobOf(id).value;
  const access = useMemo(() => ({ id }), [id]);
  // A snapshot holds the newest jobs only: this one is asked for when it is not among them.
  const { problem, reload } = useLoad((signal) => fetchJob(id, signal), [id, snapshots.value]);
  const at = moment(query);
  if (job) return <JobPage key={id} access={access} job={job} at={at} />;
  if (problem) return <NoJob problem={problem} retry={reload} />;
  return (
    <div class="view">
      <Skeleton lines={8} height={28} />
    </div>
  );
}

function moment(query: URLSearchParams): number | undefined {
  const seconds = Number.parseFloat(query.get("t") ?? "");
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}
