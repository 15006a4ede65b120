// The files that are on their way, each with what can be done about it.

import { IconButton, Progress } from "../components/basics";
import { bytes, percent } from "../lib/format";
import { drop, pause, resume, type Sending, sendings } from "./uploads";

export function Sendings() {
  if (!sendings.value.length) return null;
  return (
    <ul class="sendings" aria-label="Uploads">
      {sendings.value.map((one) => (
        <Row key={one.key} one={one} />
      ))}
    </ul>
  );
}

function Row({ one }: { one: Sending }) {
  const { key, name, size, sent, state, problem } = one;
  const fraction = size ? sent / size : 0;
  const words = {
    waiting: `waits, ${bytes(size)}`,
    sending: `${percent(fraction)} of ${bytes(size)}`,
    paused: `paused at ${percent(fraction)} of ${bytes(size)}`,
    cut: `cut at ${percent(fraction)}: goes on by itself`,
    starting: "stored, being accepted",
    failed: problem,
  }[state];
  const halted = state === "paused" || state === "failed";
  return (
    <li class="sending" data-state={state}>
      <span class="cut sending-name" title={name}>
        {name}
      </span>
      <span class="sending-buttons">
        {(state === "sending" || state === "cut" || state === "waiting") && (
          <IconButton
            class="little"
            icon="pause"
            name={`Pause ${name}`}
            onClick={() => pause(key)}
          />
        )}
        {halted && (
          <IconButton
            class="little"
            icon="again"
            name={`Go on with ${name}`}
            onClick={() => resume(key)}
          />
        )}
        {state !== "starting" && (
          <IconButton class="little" icon="close" name={`Stop ${name}`} onClick={() => drop(key)} />
        )}
      </span>
      <Progress
        value={fraction}
        label={`${name}: sent`}
        tone={state === "failed" ? "red" : state === "cut" || state === "paused" ? "amber" : "blue"}
      />
      <span class="sending-words wrap" role={state === "failed" ? "alert" : undefined}>
        {words}
      </span>
    </li>
  );
}
