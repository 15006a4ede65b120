// What an event says, in a line for people, and the colour that its kind has.

import { type CloudEvent, factOf } from "../api/types";
import type { Tone } from "../components/basics";
import { percent } from "../lib/format";

const TONES: [RegExp, Tone][] = [
  [/(succeeded|completed)$/, "green"],
  [/(failed|lost|parked|expired)$/, "red"],
  [/(retry_scheduled|cancel_requested|cancelled|skipped|erased|recovered|drained)$/, "amber"],
  [/(started|progressed|finalized|registered|renamed|edited|unparked)$/, "blue"],
];

/** The colour of a kind of event. */
export function toneOf(event: CloudEvent): Tone {
  const type = factOf(event);
  return TONES.find(([pattern]) => pattern.test(type))?.[1] ?? "none";
}

/** What happened, beside the type's name. */
export function saying(event: CloudEvent): string {
  const data = event.data as Record<string, string | number | undefined>;
  const type = factOf(event);
  switch (type) {
    case "job.submitted":
      return String(data.filename ?? "");
    case "job.planned":
      return (event.data.stages as { name: string }[]).map((one) => one.name).join(" → ");
    case "stage.ready":
      return `${data.stage} waits for ${data.engine}, attempt ${data.token}`;
    case "stage.started":
      return `${data.stage} on ${data.owner}`;
    case "stage.progressed":
      return `${data.stage} ${percent(Number(data.fraction))}`;
    case "segment.finalized": {
      const heard = event.data.segments as { text: string }[];
      return heard.map((one) => one.text.trim()).join(" ") || `${data.stage} heard something`;
    }
    case "speaker.renamed":
      return data.name ? `${data.speaker} is ${data.name}` : `${data.speaker} has no name again`;
    case "transcript.edited":
      return data.text == null
        ? `segment ${Number(data.segment) + 1} as it was heard`
        : `segment ${Number(data.segment) + 1}: ${data.text}`;
    default: {
      // An engine is told apart by its replica; a stage's event, by the stage.
      const subject = type.startsWith("stage.")
        ? data.stage
        : (data.replica ?? data.engine ?? data.stage);
      const reason = data.reason ?? data.cause;
      return [subject, reason].filter(Boolean).join(": ");
    }
  }
}
