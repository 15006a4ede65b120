// Stages that failed for good and wait for a person: why, and the ways to let them go on.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, Problem, send } from "../api/client";
import type { components } from "../api/schema";
import { factOf } from "../api/types";
import { Badge, Button, Card, Empty, ErrorState, Head, Skeleton, When } from "../components/basics";
import { Select } from "../components/forms";
import { tell } from "../components/toast";
import type { Job } from "../fold";
import { AgainDialog } from "../job/again";
import { stageName } from "../job/stages";
import { plural } from "../lib/format";
import { go, type ViewProps, withQuery } from "../lib/router";
import { useLoad, useTitle } from "../lib/use";
import { fetchJob, jobs, may, subscribe } from "../store";
import "../ops/ops.css";

type Parked = components["schemas"]["ParkedView"];

const LIMIT = 100;
/** What changes the list; a few come together, and are asked for once. */
const CHANGES = /^(stage\.(un)?parked|job\.(cancel_requested|cancelled|failed|erased))$/;
const SETTLED_MS = 300;

export default function ParkedView({ query }: ViewProps) {
  useTitle("Parked");
  const [engine, before] = [query.get("engine") ?? "", query.get("before") ?? ""];
  const { value, problem, reload } = useLoad(
    (signal) =>
      get("/v1/parked", {
        query: { limit: LIMIT, ...(engine && { engine }), ...(before && { before }) },
        signal,
      }),
    [engine, before],
  );
  useParked(reload);
  const [edited, edit] = useState<Job | null>(null);
  const found = value?.parked ?? [];
  const engines = [...new Set([...(engine ? [engine] : []), ...found.map((one) => one.engine)])];
  return (
    <div class="view">
      <Head
        title="Parked"
        back={{ href: "/engines", to: "Engines" }}
        line="Stages that were tried as often as they may be. Nothing is lost: they wait for you."
      >
        {may("write") && found.length > 0 && <RetryAll engine={engine} done={reload} />}
      </Head>
      {engines.length > 1 && (
        <div class="filters">
          <Select
            label="Engine"
            value={engine}
            options={[["", "Every engine"], ...engines.map((one) => [one, one] as const)]}
            onChange={(event) => go(withQuery({ engine: event.currentTarget.value, before: null }))}
          />
        </div>
      )}
      {!value ? (
        problem ? (
          <ErrorState problem={problem} retry={reload} />
        ) : (
          <Skeleton lines={6} height={40} />
        )
      ) : found.length ? (
        <Card flush>
          <ul class="parked">
            {found.map((one) => (
              <Row key={`${one.job} ${one.stage}`} one={one} done={reload} edit={edit} />
            ))}
          </ul>
        </Card>
      ) : (
        <Empty title="Nothing is parked" icon="check">
          A stage comes here when it failed as often as it may, and goes on when somebody says so.
        </Empty>
      )}
      {value?.next && (
        <Button onClick={() => go(withQuery({ before: value.next }))}>Older ones</Button>
      )}
      {edited && (
        <AgainDialog
          access={{ id: edited.id }}
          job={edited}
          open
          close={() => {
            edit(null);
            reload();
          }}
        />
      )}
    </div>
  );
}

/** Ask again a moment after a stage was parked or let go, wherever that was done. */
function useParked(reload: () => void): void {
  const latest = useRef(reload);
  latest.current = reload;
  useEffect(() => {
    let timer = 0;
    const stop = subscribe((event) => {
      if (!CHANGES.test(factOf(event))) return;
      clearTimeout(timer);
      timer = window.setTimeout(() => latest.current(), SETTLED_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
}

interface RowProps {
  one: Parked;
  done: () => void;
  edit: (job: Job) => void;
}

function Row({ one, done, edit }: RowProps) {
  const [busy, work] = useState("");
  const act = async (name: string, call: () => Promise<unknown>) => {
    work(name);
    try {
      await call();
    } catch (error) {
      tell(error instanceof Problem ? error.message : String(error), "red");
    }
    work("");
  };
  const retry = () =>
    act("retry", async () => {
      await send("POST", `/v1/jobs/${one.job}/retry`, { query: { stage: one.stage }, json: {} });
      tell(`${stageName(one.stage)} of ${one.filename} is tried again.`);
      done();
    });
  const tries = [
    one.failed && `failed ${one.failed} ×`,
    one.lost && `lost ${one.lost} ×`,
    one.preempted && `interrupted ${one.preempted} ×`,
  ].filter(Boolean);
  return (
    <li class="parked-row">
      <div class="stack tight grow">
        <span class="row">
          <a href={`/jobs/${one.job}`} class="wrap">
            {one.filename || one.job}
          </a>
          <Badge tone="red">{stageName(one.stage)}</Badge>
          {one.kind && <span class="dim small">{one.kind}</span>}
        </span>
        <p class="small wrap">{one.reason}</p>
        <p class="dim tiny">
          {one.engine}
          {one.model && `, ${one.model}`}
          {tries.length > 0 && `, ${tries.join(", ")}`}
          {one.parked_at && (
            <>
              , parked <When at={one.parked_at} />
            </>
          )}
        </p>
      </div>
      {may("write") && (
        <div class="row">
          <Button small icon="again" busy={busy === "retry" && "Wait"} onClick={() => void retry()}>
            Retry
          </Button>
          <Button
            small
            icon="edit"
            busy={busy === "edit" && "Wait"}
            onClick={() =>
              void act("edit", async () => edit(jobs.get(one.job) ?? (await fetchJob(one.job))))
            }
          >
            Retry otherwise
          </Button>
        </div>
      )}
    </li>
  );
}

function RetryAll({ engine, done }: { engine: string; done: () => void }) {
  const [busy, work] = useState(false);
  const retry = async () => {
    work(true);
    try {
      const json = engine ? { engine } : {};
      const said = await send<{ retried: number; failed?: number; reason?: string }>(
        "POST",
        "/v1/parked/retry",
        { json },
      );
      tell(`${plural(said.retried, "job")} tried again.`);
      if (said.failed) tell(`${plural(said.failed, "job")} could not be: ${said.reason}`, "red");
      done();
    } catch (error) {
      tell(error instanceof Problem ? error.message : String(error), "red");
    }
    work(false);
  };
  return (
    <Button look="main" icon="again" busy={busy && "Trying"} onClick={() => void retry()}>
      {engine ? `Retry all of ${engine}` : "Retry all"}
    </Button>
  );
}
