// Who is alive, what they hold in memory, and what waits for them.

import { useState } from "preact/hooks";
import { get } from "../api/client";
import { ButtonLink, Empty, ErrorState, Head, Notice, Skeleton } from "../components/basics";
import { bytes, count, plural } from "../lib/format";
import { useEvery, useLoad, useTitle } from "../lib/use";
import { EngineCard } from "../ops/engine-card";
import { inOrder, sums } from "../ops/engines";
import { engineChanges, may } from "../store";
import "../ops/ops.css";

/** As often as engines announce themselves. */
const EVERY_MS = 2000;

export default function Engines() {
  useTitle("Engines");
  const [tick, again] = useState(0);
  useEvery(EVERY_MS, () => again((n) => n + 1));
  const { value, problem, reload } = useLoad(
    (signal) => get("/v1/engines", { signal }),
    [tick, engineChanges.value],
  );
  const engines = inOrder(value?.engines ?? []);
  const all = sums(engines);
  return (
    <div class="view">
      <Head
        title="Engines"
        line={value && `${plural(all.replicas, "replica")} of ${plural(engines.length, "engine")}`}
      >
        <ButtonLink href="/parked">Parked stages</ButtonLink>
      </Head>
      {problem && value && (
        <Notice tone="red" alert>
          What is shown may be old: {problem.message}
        </Notice>
      )}
      {!value ? (
        problem ? (
          <ErrorState problem={problem} retry={reload} />
        ) : (
          <Skeleton lines={8} height={32} />
        )
      ) : engines.length ? (
        <>
          <dl class="tiles">
            <Tile name="At work" value={count(all.running)} />
            <Tile name="Waiting" value={count(all.waiting)} amber={all.stuck > 0} />
            <Tile name="Memory" value={bytes(all.memory)} />
            <Tile name="Models loaded" value={count(all.loaded)} />
          </dl>
          <div class="engine-grid">
            {engines.map((engine) => (
              <EngineCard key={engine.name} engine={engine} admin={may("admin")} changed={reload} />
            ))}
          </div>
        </>
      ) : (
        <Empty title="No engine is here" icon="info">
          Start one: `dalston up` on this machine, or `docker compose up` with its profile.
        </Empty>
      )}
    </div>
  );
}

function Tile({ name, value, amber }: { name: string; value: string; amber?: boolean }) {
  return (
    <div class="tile" data-tone={amber ? "amber" : undefined}>
      <dt>{name}</dt>
      <dd class="num">{value}</dd>
    </div>
  );
}
