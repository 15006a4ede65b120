// Who talks, how long, and what they are called: a name is given in place.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "../components/basics";
import { tell } from "../components/toast";
import { lasting, percent, plural } from "../lib/format";
import type { People, Person } from "./people";
import type { Talk } from "./timeline";

interface Props {
  people: People;
  talk: Talk[];
  mayEdit: boolean;
  /** Give a name; "" gives it back. */
  rename: (speaker: string, name: string) => Promise<void>;
}

export function SpeakersPanel({ people, talk, mayEdit, rename }: Props) {
  const [naming, name] = useState<string | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const done = (id: string) => {
    name(null);
    requestAnimationFrame(() =>
      list.current
        ?.querySelector<HTMLElement>(`[data-speaker="${CSS.escape(id)}"] button`)
        ?.focus(),
    );
  };
  return (
    <ul class="speakers" ref={list}>
      {talk.map(({ id, seconds, share, turns }) => {
        const person = people.get(id);
        if (!person) return null;
        return (
          <li key={id} data-speaker={id} style={{ "--who": person.colour, "--share": share }}>
            <div class="speaker-top">
              <span class="speaker-dot" aria-hidden="true" />
              {naming === id ? (
                <NameField person={person} rename={rename} done={() => done(id)} />
              ) : (
                <>
                  <strong class="cut grow" dir="auto" title={id}>
                    {person.name}
                  </strong>
                  {mayEdit && (
                    <IconButton
                      icon="edit"
                      class="little"
                      name={`Rename ${person.name}`}
                      onClick={() => name(id)}
                    />
                  )}
                </>
              )}
            </div>
            <div class="speaker-share" aria-hidden="true">
              <span />
            </div>
            <p class="row apart tiny dim num">
              <span>
                {lasting(seconds)} · {percent(share)}
              </span>
              <span>{plural(turns, "turn")}</span>
            </p>
          </li>
        );
      })}
    </ul>
  );
}

function NameField({
  person,
  rename,
  done,
}: {
  person: Person;
  rename: Props["rename"];
  done: () => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const [busy, set] = useState(false);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const keep = async () => {
    const wanted = field.current?.value.trim() ?? "";
    if (busy) return;
    if (wanted === (person.named ? person.name : "")) return done();
    set(true);
    try {
      await rename(person.id, wanted);
      done();
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), "red");
      set(false);
    }
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Enter") void keep();
    else if (event.key === "Escape") done();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="grow stack tight">
      <input
        ref={field}
        class="input"
        dir="auto"
        maxLength={100}
        aria-label={`Name of ${person.name}`}
        placeholder={person.named ? "Empty gives the old name back" : "A name"}
        defaultValue={person.named ? person.name : ""}
        readOnly={busy}
        onKeyDown={key}
      />
      <p class="row tiny">
        <button type="button" class="as-link" disabled={busy} onClick={() => void keep()}>
          {busy ? "Keeping it" : "Keep"}
        </button>
        <button type="button" class="as-link" disabled={busy} onClick={done}>
          Leave
        </button>
      </p>
    </div>
  );
}
