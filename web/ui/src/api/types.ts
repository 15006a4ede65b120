// Names for the shapes of the API that the page speaks of.

import type { components } from "./schema";

type Schemas = components["schemas"];

export type JobView = Schemas["JobView"];
export type StageView = Schemas["StageView"];
export type JobList = Schemas["JobList"];
export type EngineView = Schemas["EngineView"];
export type HitView = Schemas["HitView"];
export type JobRequest = Schemas["JobRequest"];
/** An event of the log; what `data` holds goes by its type (docs/events.md). */
export type CloudEvent = Omit<Schemas["CloudEvent"], "data"> & { data: Record<string, unknown> };

/** Who the server takes us for (GET /v1/me). */
export interface Me {
  auth: "open" | "key" | "session";
  tenant: string;
  scopes: string[];
  name: string;
  key: string | null;
}

/** What the live log says (docs/api/asyncapi.yaml). */
export type Message =
  | { type: "snapshot"; epoch: number; seq: number; jobs: JobView[] }
  | { type: "event"; event: CloudEvent }
  | { type: "fell_behind" }
  | { type: "caught_up"; epoch: number; seq: number };

/** `stage.completed` of an event's full type. */
export function factOf(event: { type: string }): string {
  return event.type.replace(/^dev\.dalston\./, "").replace(/\.v\d+$/, "");
}
