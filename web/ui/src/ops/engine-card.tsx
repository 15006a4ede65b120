// One engine: its replicas, what they hold, whose tasks wait, and the way to drain it.

import { useState } from "preact/hooks";
import { Problem, send } from "../api/client";
import type { EngineView } from "../api/types";
import { Badge, Button, Card, Notice, Progress, type Tone, When } from "../components/basics";
import { tell } from "../components/toast";
import { stageName } from "../job/stages";
import { bytes, count, plural } from "../lib/format";
import type { Replica } from "./engines";

interface Props {
  engine: EngineView;
  admin: boolean;
  changed: () => void;
}

export function EngineCard({ engine, admin, changed }: Props) {
  const { name, stage, replicas, queue, drained } = engine;
  const side = (
    <>
      <span class="dim small num">
        {count(queue.running)} at work, {count(queue.waiting)} waiting
      </span>
      {admin && <Drain engine={name} drained={drained ?? false} changed={changed} />}
    </>
  );
  return (
    <Card title={name} side={side}>
      <p class="dim small">{stageName(stage)}</p>
      {drained && (
        <Notice tone="amber">
          It finishes what it has and takes nothing new, until somebody resumes it.
        </Notice>
      )}
      {!replicas.length && (
        <Notice tone={queue.waiting ? "red" : "amber"}>
          Nobody runs it{queue.waiting ? `, and ${plural(queue.waiting, "task")} wait for it` : ""}:{" "}
          <code>dalston up --engine {name}</code>
        </Notice>
      )}
      <ul class="replicas">
        {replicas.map((one) => (
          <ReplicaRow
            key={one.replica}
            one={one}
            single={replicas.length === 1}
            {...{ admin, changed }}
          />
        ))}
      </ul>
      {Boolean(engine.tenants?.length) && <Tenants of={engine} />}
    </Card>
  );
}

const STATES: Record<string, [string, Tone, boolean?]> = {
  starting: ["Starting", "blue", true],
  idle: ["Ready", "green"],
  busy: ["At work", "blue", true],
  draining: ["Finishing", "amber", true],
  drained: ["Drained", "amber"],
};

interface RowProps {
  one: Replica;
  single: boolean;
  admin: boolean;
  changed: () => void;
}

function ReplicaRow({ one, single, admin, changed }: RowProps) {
  const [word, tone, moving] = STATES[one.state ?? "idle"] ?? [one.state, "none" as Tone];
  const drained = one.state === "draining" || one.state === "drained";
  return (
    <li class="replica">
      <div class="row apart">
        <span class="row">
          <Badge tone={tone} moving={moving}>
            {word}
          </Badge>
          <span class="mono small wrap">{one.replica}</span>
        </span>
        {admin && !single && (
          <Drain engine={one.engine} replica={one.replica} drained={drained} changed={changed} />
        )}
      </div>
      {one.job && (
        <div class="stack tight">
          <a class="small" href={`/jobs/${one.job}`}>
            Works on job <span class="mono">{one.job.slice(-6)}</span>
          </a>
          <Progress value={one.stage_done || undefined} label={`${one.replica}: progress`} />
        </div>
      )}
      <dl class="facts">
        <Row name="Memory">
          {bytes(one.memory)}
          {Boolean(one.gpu_memory) && `, ${bytes(one.gpu_memory)} on the card`}
        </Row>
        <Row name="Loaded">{one.loaded?.length ? one.loaded.join(", ") : "nothing"}</Row>
        {Boolean(one.models?.length) && <Row name="Models here">{one.models?.join(", ")}</Row>}
        <Row name="Runs on">
          {[one.device, one.compute_type].filter(Boolean).join(", ")}, version {one.version}
        </Row>
        {Boolean(one.started_at) && (
          <Row name="Since">
            <When at={new Date((one.started_at ?? 0) * 1000).toISOString()} />
          </Row>
        )}
      </dl>
    </li>
  );
}

function Row({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Whose tasks wait, most of them first, and since when. */
function Tenants({ of }: { of: EngineView }) {
  const tenants = [...(of.tenants ?? [])].sort((a, b) => b.waiting - a.waiting);
  const most = Math.max(1, ...tenants.map((one) => one.waiting));
  return (
    <table class="table tenants">
      <caption class="label">Who waits</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">Tenant</th>
          <th scope="col">Part</th>
          <th scope="col">Tasks</th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {tenants.slice(0, 12).map(({ tenant, waiting, since }) => (
          <tr key={tenant}>
            <th scope="row" class="wrap">
              {tenant}
            </th>
            <td>
              <Progress
                value={waiting / most}
                label={`${tenant}: part of the queue`}
                tone="amber"
              />
            </td>
            <td class="num">{count(waiting)}</td>
            <td class="num dim">{since && <When at={since} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface DrainProps {
  engine: string;
  replica?: string;
  drained: boolean;
  changed: () => void;
}

function Drain({ engine, replica, drained, changed }: DrainProps) {
  const [busy, setBusy] = useState(false);
  const what = replica ?? engine;
  const ask = async () => {
    setBusy(true);
    try {
      const path = `/v1/engines/${encodeURIComponent(engine)}/${drained ? "resume" : "drain"}`;
      await send("POST", path, { json: replica ? { replica } : {} });
      tell(drained ? `${what} takes tasks again.` : `${what} finishes what it has.`);
      changed();
    } catch (error) {
      tell(error instanceof Problem ? error.message : String(error), "red");
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button
      small
      busy={busy && "Wait"}
      onClick={ask}
      aria-label={`${drained ? "Resume" : "Drain"} ${what}`}
    >
      {drained ? "Resume" : "Drain"}
    </Button>
  );
}
