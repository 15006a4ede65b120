// The list of jobs, and where new ones come from.

import { useCallback, useMemo } from "preact/hooks";
import { get } from "../api/client";
import type { EngineView } from "../api/types";
import { Button, Empty, ErrorState, Head, Notice, Skeleton } from "../components/basics";
import { VirtualList } from "../components/virtual";
import { Drop } from "../jobs/drop";
import { type Filter, filterOf, narrows } from "../jobs/filter";
import { Filters } from "../jobs/filters";
import { useJobList } from "../jobs/list";
import { JobRow } from "../jobs/row";
import { SearchBox } from "../jobs/searchbox";
import "../jobs/jobs.css";
import { count, plural } from "../lib/format";
import { go, type ViewProps } from "../lib/router";
import { remembered } from "../lib/storage";
import { useLoad, useTitle } from "../lib/use";
import { changes, engineChanges, jobs, me } from "../store";

export default function Jobs({ query }: ViewProps) {
  const text = query.toString();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the query's text is what it says
  const filter = useMemo(() => filterOf(query), [text]);
  const working = useWorking();
  // Asked for once: what may be wished for, and what may be filtered by, are of the same engines.
  const engines = useLoad((signal) => get("/v1/engines", { signal }), [engineChanges.value]);
  useTitle(working ? `(${working}) Jobs` : "Jobs");
  return (
    <div class="view jobs">
      <Head title="Jobs">
        <SearchBox />
      </Head>
      {me.value?.auth === "open" && <OpenNotice />}
      <div class="jobs-page">
        <div class="jobs-side">
          <Drop engines={engines.value?.engines} />
        </div>
        <List filter={filter} engines={engines.value?.engines} />
      </div>
    </div>
  );
}

function List({ filter, engines }: { filter: Filter; engines: EngineView[] | undefined }) {
  const { rows, loading, problem, more, grow, reload } = useJobList(filter);
  const seen = useCallback(
    (_: number, last: number) => last > rows.length - 30 && grow(),
    [rows.length, grow],
  );
  const narrow = narrows(filter);
  return (
    <section class="stack jobs-list" aria-label="Jobs">
      <Filters filter={filter} engines={engines} />
      {problem && rows.length > 0 && <Notice tone="red">{problem.message}</Notice>}
      {loading ? (
        <Skeleton lines={6} height={56} />
      ) : problem && !rows.length ? (
        <ErrorState title="The jobs could not be read" problem={problem} retry={reload} />
      ) : rows.length ? (
        <>
          <div class="card flush">
            <VirtualList
              count={rows.length}
              height={68}
              keyOf={(i) => rows[i]?.id ?? i}
              label="Jobs, newest first"
              seen={seen}
            >
              {(i) => {
                const job = rows[i];
                return job && <JobRow job={job} />;
              }}
            </VirtualList>
          </div>
          <p class="tiny dim jobs-count">
            {more
              ? `${count(rows.length)} so far, older ones come as you scroll`
              : plural(rows.length, "job")}
          </p>
        </>
      ) : narrow ? (
        <Empty
          title="No job fits"
          icon="search"
          action={<Button onClick={() => go("/")}>Show all jobs</Button>}
        >
          Nothing of what was sent here is as you ask for it.
        </Empty>
      ) : (
        <Empty title="Audio in, transcript out" icon="file">
          Nothing was sent yet. Drop a recording, or a folder of them: each appears here at once and
          moves while it is worked on.
        </Empty>
      )}
    </section>
  );
}

const known = remembered(
  "open-known",
  false,
  (value): value is boolean => typeof value === "boolean",
);

/** Said aloud until somebody says that they know; the header goes on saying it. */
function OpenNotice() {
  if (known.value) return null;
  return (
    <Notice tone="amber">
      <div class="row apart">
        <span class="grow">
          <strong>Open:</strong> no keys are asked for, so anybody on this machine may see, send and
          erase everything here. <code>dalston up --keys</code> changes that.
        </span>
        <Button
          look="quiet"
          small
          onClick={() => {
            known.value = true;
          }}
        >
          I know
        </Button>
      </div>
    </Notice>
  );
}

/** How many jobs are under way, for the tab. */
function useWorking(): number {
  const now = changes.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the jobs change when it counts on
  return useMemo(
    () =>
      [...jobs.values()].filter((job) => job.status === "running" || job.status === "queued")
        .length,
    [now],
  );
}
