// Above the transcript: find words, what was said or clean text, and how unsure a word is to be marked.

import type { ComponentChildren, RefObject } from "preact";
import { IconButton } from "../components/basics";
import { Icon } from "../components/icons";
import { count } from "../lib/format";
import type { Shown } from "./transcript";

interface Props {
  field: RefObject<HTMLInputElement | null>;
  query: string;
  seek: (query: string) => void;
  hits: number;
  /** Which hit one is at, from 0; -1 for none. */
  at: number;
  step: (by: number) => void;
  shown: Shown;
  /** Whether there is clean text at all. */
  cleaned: boolean;
  show: (shown: Shown) => void;
  low: number;
  setLow: (low: number) => void;
  /** Whether words come with how sure they are. */
  sure: boolean;
  children?: ComponentChildren;
}

export const LOWS = [0, 0.3, 0.5, 0.7, 0.9];

export function WordsBar(props: Props) {
  const { field, query, seek, hits, at, step, shown, cleaned, show, low, setLow, sure, children } =
    props;
  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      seek("");
      field.current?.blur();
    } else return;
    event.preventDefault();
  };
  return (
    <search class="words-bar" aria-label="In this transcript">
      <div class="find">
        <Icon name="search" size={14} />
        <input
          ref={field}
          type="search"
          class="input"
          aria-label="Find in this transcript"
          placeholder="Find ( / )"
          value={query}
          onInput={(event) => seek(event.currentTarget.value)}
          onKeyDown={key}
        />
        <span class="find-count num small" role="status">
          {query.trim()
            ? hits
              ? `${at < 0 ? "" : `${count(at + 1)} of `}${count(hits)}`
              : "Nowhere"
            : ""}
        </span>
        <IconButton
          icon="back"
          class="little turn-up"
          name="Hit before"
          disabled={!hits}
          onClick={() => step(-1)}
        />
        <IconButton
          icon="next"
          class="little turn-up"
          name="Next hit"
          disabled={!hits}
          onClick={() => step(1)}
        />
      </div>
      {cleaned && (
        <fieldset class="switch">
          <legend class="unseen">Text</legend>
          {(["said", "clean"] as const).map((one) => (
            <button key={one} type="button" aria-pressed={shown === one} onClick={() => show(one)}>
              {one === "said" ? "As said" : "Clean"}
            </button>
          ))}
        </fieldset>
      )}
      {sure && (
        <label class="low-choice small">
          <span class="dim">Mark words under</span>
          <select
            class="input"
            value={String(low)}
            onChange={(event) => setLow(Number(event.currentTarget.value))}
          >
            {LOWS.map((one) => (
              <option key={one} value={String(one)}>
                {one ? `${Math.round(one * 100)} % sure` : "never"}
              </option>
            ))}
          </select>
        </label>
      )}
      {children}
    </search>
  );
}
