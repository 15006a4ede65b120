// What narrows the list down; each choice is in the address, so a filtered list can be kept and sent.

import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client";
import { Button } from "../components/basics";
import { Select, TextField } from "../components/forms";
import { go, withQuery } from "../lib/router";
import { useLoad, useSettled } from "../lib/use";
import { engineChanges } from "../store";
import { type Filter, narrows } from "./filter";

const STATUSES = [
  ["", "Any state"],
  ["queued", "Waiting"],
  ["running", "At work"],
  ["blocked", "Blocked"],
  ["succeeded", "Done"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
] as const;
const RANGES = [
  ["", "Any time"],
  ["1h", "Last hour"],
  ["24h", "Last day"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
] as const;

export function Filters({ filter }: { filter: Filter }) {
  const [name, setName] = useState(filter.q);
  const settled = useSettled(name, 250);
  useEffect(() => setName(filter.q), [filter.q]);
  useEffect(() => {
    if (settled === name && settled !== filter.q) go(withQuery({ q: settled }), { replace: true });
  }, [settled, name, filter.q]);
  const set = (name: keyof Filter) => (event: { currentTarget: HTMLSelectElement }) =>
    go(withQuery({ [name]: event.currentTarget.value }));
  return (
    <section class="filters" aria-label="Filter the jobs">
      <TextField
        bare
        type="search"
        label="Part of the file's name"
        placeholder="Part of the file's name"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <Select
        bare
        label="State"
        value={filter.status}
        options={[...STATUSES]}
        onChange={set("status")}
      />
      <Select
        bare
        label="Time"
        value={filter.since}
        options={known(RANGES, filter.since, "since")}
        onChange={set("since")}
      />
      <EngineChoice filter={filter} set={set("engine")} />
      {narrows(filter) && (
        <Button look="quiet" icon="close" onClick={() => go("/")}>
          All jobs
        </Button>
      )}
    </section>
  );
}

function EngineChoice({
  filter,
  set,
}: {
  filter: Filter;
  set: (event: { currentTarget: HTMLSelectElement }) => void;
}) {
  const engines = useLoad((signal) => get("/v1/engines", { signal }), [engineChanges.value]);
  const names = (engines.value?.engines ?? []).map((one) => [one.name, one.name] as const);
  return (
    <>
      <Select
        bare
        label="Engine"
        value={filter.engine}
        options={known([["", "Any engine"], ...names], filter.engine)}
        onChange={set}
      />
      {filter.model && <span class="small dim">with {filter.model}</span>}
    </>
  );
}

/** The choices, with the one that the address names among them. */
function known(options: readonly (readonly [string, string])[], value: string, word = "") {
  const there = options.some(([one]) => one === value);
  return there ? [...options] : [...options, [value, `${word} ${value}`.trim()] as const];
}
