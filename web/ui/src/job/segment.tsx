// One row of the transcript: when, who, the words, how it sounds, and its correction in place.

import { Component, type FunctionComponent } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { IconButton } from "../components/basics";
import { clock, percent } from "../lib/format";
import { Editor } from "./editor";
import type { Hit } from "./find";
import { highlight } from "./highlight";
import { moodColour } from "./moods";
import type { Person } from "./people";
import { type Emotion, pieces, type Segment, type Shown, shownOf } from "./transcript";

/** What a row can have done; the same object for all rows, so that they need not be drawn again. */
export interface Tools {
  jump: (segment: Segment) => void;
  edit: (index: number | null) => void;
  save: (index: number, text: string | null) => Promise<void>;
}

export interface RowProps {
  index: number;
  segment: Segment;
  shown: Shown;
  /** Number of its first word among all. */
  first: number;
  person: Person | undefined;
  /** Somebody else begins to talk here, or a paragraph does. */
  opens: boolean;
  /** Words less sure than this are marked, 0 to 1. */
  low: number;
  hits: Hit[] | undefined;
  hit: Hit | undefined;
  marked: boolean;
  /** The one row whose buttons the tab key comes by. */
  active: boolean;
  editing: boolean;
  mayEdit: boolean;
  /** What was heard before somebody corrected it. */
  original: string | undefined;
  /** Said where it is not what the whole is in. */
  language: string | undefined;
  channel: string | undefined;
  tools: Tools;
}

function Row(props: RowProps) {
  const { index, segment, person, opens, marked, active, editing, mayEdit, tools } = props;
  const tab = active ? 0 : -1;
  return (
    <article
      class="seg"
      data-opens={opens || undefined}
      data-marked={marked || undefined}
      data-edited={segment.edited || undefined}
      style={{ "--who": person?.colour ?? "transparent" }}
    >
      <button
        type="button"
        class="seg-time num"
        tabIndex={tab}
        aria-label={`${person ? `${person.name}, ` : ""}play from ${clock(segment.start)}`}
        onClick={() => tools.jump(segment)}
      >
        {clock(segment.start)}
      </button>
      <div class="seg-body">
        {opens && person && <h3 class="seg-who">{person.name}</h3>}
        {editing ? (
          <Editor
            text={shownOf(segment, props.shown).text}
            save={(text) => tools.save(index, text)}
            leave={() => tools.edit(null)}
          />
        ) : (
          <Text {...props} />
        )}
        {segment.edited && <Heard {...props} tab={tab} />}
      </div>
      <div class="seg-side">
        {segment.emotion && <Mood emotion={segment.emotion} />}
        {props.language && (
          <span class="seg-tag" title="Language">
            {props.language}
          </span>
        )}
        {props.channel && (
          <span class="seg-tag" title="Channel">
            {props.channel}
          </span>
        )}
        {mayEdit && !editing && (
          <IconButton
            icon="edit"
            name={`Correct the text at ${clock(segment.start)}`}
            class="little seg-edit"
            tabIndex={tab}
            onClick={() => tools.edit(index)}
          />
        )}
      </div>
    </article>
  );
}

function Text({ segment, shown, first, low, hits, hit }: RowProps) {
  const node = useRef<HTMLParagraphElement>(null);
  const { text, words } = shownOf(segment, shown);
  const { parts, rest } = useMemo(() => pieces(text, words), [text, words]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other words are other ranges
  useLayoutEffect(
    () => (node.current && hits ? highlight(node.current, hits, hit) : undefined),
    [hits, hit, text],
  );
  return (
    <p class="seg-text" dir="auto" ref={node}>
      {parts.length ? (
        <>
          {parts.flatMap(({ before, word }, i) => {
            const unsure =
              word.probability !== null && word.probability !== undefined && word.probability < low;
            return [
              before,
              <span
                key={i}
                class={unsure ? "w low" : "w"}
                data-w={first + i}
                data-t={word.start}
                title={unsure ? `${percent(word.probability)} sure` : undefined}
              >
                {word.text}
              </span>,
            ];
          })}
          {rest}
        </>
      ) : (
        <span class="w" data-w={first} data-t={segment.start}>
          {text}
        </span>
      )}
    </p>
  );
}

function Heard({ original, mayEdit, index, tools, tab }: RowProps & { tab: number }) {
  return (
    <p class="seg-heard small">
      <span class="seg-tag">Corrected</span>{" "}
      {original !== undefined && (
        <>
          <span class="dim">Heard: </span>
          <span class="dim" dir="auto">
            {original}
          </span>{" "}
        </>
      )}
      {mayEdit && (
        <button
          type="button"
          class="as-link"
          tabIndex={tab}
          onClick={() => void tools.save(index, null)}
        >
          Give it back
        </button>
      )}
    </p>
  );
}

function Mood({ emotion }: { emotion: Emotion }) {
  const scores = Object.entries(emotion.scores ?? {})
    .sort(([, a], [, b]) => b - a)
    .map(([label, score]) => `${label} ${percent(score)}`);
  return (
    <span
      class="seg-mood"
      data-mood={emotion.label}
      title={scores.join(", ")}
      style={{ "--mood": moodColour(emotion.label) }}
    >
      {emotion.label}
    </span>
  );
}

/** Draws a row again only when something about it has changed. */
class Kept extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((key) => next[key] !== this.props[key]);
  }
  override render(props: RowProps) {
    const Body: FunctionComponent<RowProps> = Row;
    return <Body {...props} />;
  }
}

export { Kept as SegmentRow };
