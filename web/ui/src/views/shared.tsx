// /shared/{id}#TOKEN: one job to read and hear, for whoever has the link.

import { useMemo } from "preact/hooks";
import type { JobView } from "../api/types";
import { Empty, Skeleton } from "../components/basics";
import { ended } from "../components/status";
import { opened } from "../fold";
import { read } from "../job/access";
import { JobPage, NoJob } from "../job/job-page";
import { place, type ViewProps } from "../lib/router";
import { useEvery, useLoad, useTitle } from "../lib/use";

/** Whoever has a link follows no log, so what is not done yet is asked for again. */
const AGAIN_MS = 3000;

export default function Shared({ params, query }: ViewProps) {
  useTitle("Shared transcript");
  const [id, share] = [params.id ?? "", place.value.hash];
  const access = useMemo(() => ({ id, share }), [id, share]);
  const { value, problem, reload } = useLoad(
    (signal) => read<JobView>(access, "", {}, signal),
    [access],
  );
  const job = useMemo(() => value && opened(value), [value]);
  useEvery(AGAIN_MS, () => job && !ended(job.status) && reload());
  const seconds = Number.parseFloat(query.get("t") ?? "");
  const at = Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
  if (!share)
    return (
      <Empty title="This link is not whole" icon="link">
        The part after # is missing. Ask whoever shared it to send it again.
      </Empty>
    );
  if (job) return <JobPage key={id} access={access} job={job} at={at} />;
  if (problem && [401, 403].includes(problem.status))
    return (
      <Empty title="This link opens nothing" icon="link">
        It has expired, or whoever shared it has taken it back. Ask for a new one.
      </Empty>
    );
  if (problem) return <NoJob problem={problem} retry={reload} />;
  return (
    <div class="view">
      <Skeleton lines={8} height={28} />
    </div>
  );
}
