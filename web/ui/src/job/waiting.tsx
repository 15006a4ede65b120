// Says who is missing when a stage waits for an engine that nobody runs, or that takes nothing new.

import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client";
import { Notice } from "../components/basics";
import type { Job } from "../fold";
import { engineChanges } from "../store";
import { type Missing, missingOf, stageName } from "./stages";

/** A stage may wait so long before anybody asks who is up. */
const CALM_MS = 1500;

/** Notices about engines that tasks of this job wait for, and that are not up. */
export function Waiting({ job, now }: { job: Job; now: number }) {
  const waiting = job.stages.filter(
    (stage) => stage.status === "ready" && now - Date.parse(stage.ready_at ?? "") > CALM_MS,
  );
  const engines = [...new Set(waiting.map((stage) => stage.engine))].sort().join(",");
  const [missing, set] = useState<Missing[]>([]);
  const changed = engineChanges.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: engines come and go
  useEffect(() => {
    if (!engines) return set([]);
    let gone = false;
    get("/v1/engines").then(
      ({ engines: up }) => {
        if (!gone) set(missingOf(engines.split(","), up));
      },
      () => undefined, // the header says that the server is away
    );
    return () => {
      gone = true;
    };
  }, [engines, changed]);
  return (
    <>
      {missing.map(({ name: engine, drained }) => {
        const stages = waiting
          .filter((stage) => stage.engine === engine)
          .map((stage) => stageName(stage.name));
        if (!stages.length) return null;
        return (
          <Notice key={engine} icon="clock">
            {stages.join(" and ")} {stages.length > 1 ? "wait" : "waits"} for {engine},{" "}
            {drained ? (
              <>
                which is drained and takes nothing new. Resume it among the{" "}
                <a href="/engines">engines</a>
              </>
            ) : (
              <>
                which nobody runs. Start it with <code>dalston up --engine {engine}</code>
              </>
            )}
            , and the job goes on by itself.
          </Notice>
        );
      })}
    </>
  );
}
