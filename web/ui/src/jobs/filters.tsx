// What narrows the list down; each choice is in the address, so a filtered list can be kept and sent.

import { useEffect, useState } from "preact/hooks";
import type { EngineView } from "../api/types";
import { Button } from "../components/basics";
import { Select, TextField } from "../components/forms";
import { moment } from "../lib/format";
import { go, withQuery } from "../lib/router";
import { useSettled } from "../lib/use";
import { type Filter, narrows } from "./filter";

type Choice = readonly [value: string, text: string];

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

interface Props {
  filter: Filter;
  engines: EngineView[] | undefined;
}

export function Filters({ filter, engines = [] }: Props) {
  const [name, setName] = useState(filter.q);
  const settled = useSettled(name, 250);
  useEffect(() => setName(filter.q), [filter.q]);
  useEffect(() => {
    if (settled === name && settled !== filter.q) go(withQuery({ q: settled }), { replace: true });
  }, [settled, name, filter.q]);
  const set = (name: keyof Filter) => (event: { currentTarget: HTMLSelectElement }) =>
    go(withQuery({ [name]: event.currentTarget.value }));
  return (
    <section class="job-filters" aria-label="Filter the jobs">
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
        options={withNamed(RANGES, filter.since, `Since ${when(filter.since)}`)}
        onChange={set("since")}
      />
      <Select
        bare
        label="Engine"
        value={filter.engine}
        options={withNamed(
          [["", "Any engine"], ...engines.map(({ name }) => [name, name] as const)],
          filter.engine,
        )}
        onChange={set("engine")}
      />
      <Extras filter={filter} />
      {narrows(filter) && (
        <Button look="quiet" icon="close" onClick={() => go("/")}>
          Clear
        </Button>
      )}
    </section>
  );
}

/** What a link from elsewhere asks for, and no field here does; each can be taken away. */
function Extras({ filter }: { filter: Filter }) {
  const extras = [
    ["stage", filter.stage && `stage ${filter.stage}`],
    ["model", filter.model && `model ${filter.model}`],
    ["until", filter.until && `until ${when(filter.until)}`],
  ] as const;
  return extras
    .filter(([, words]) => words)
    .map(([name, words]) => (
      <Button key={name} icon="close" onClick={() => go(withQuery({ [name]: "" }))}>
        {words}
      </Button>
    ));
}

/** The choices, with the one that the address names among them. */
function withNamed(options: readonly Choice[], value: string, text = value): Choice[] {
  return options.some(([one]) => one === value) ? [...options] : [...options, [value, text]];
}

function when(text: string): string {
  return Number.isNaN(Date.parse(text)) ? text : moment(text);
}
