// The transcript: only the rows near the window are in the document, however long it is.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button } from "../components/basics";
import { VirtualList } from "../components/virtual";
import { clock } from "../lib/format";
import type { Hit } from "./find";
import { useFollow } from "./follow";
import type { People } from "./people";
import type { Player } from "./player";
import { SegmentRow, type Tools } from "./segment";
import { segmentOf, type Timeline, wordNear } from "./timeline";
import type { Shown, Transcript } from "./transcript";

interface Props {
  transcript: Transcript;
  timeline: Timeline;
  shown: Shown;
  people: People;
  player: Player;
  low: number;
  hits: Hit[];
  /** The hit that one is at. */
  hit: Hit | undefined;
  /** A moment that a link speaks of, in seconds. */
  mark: number | undefined;
  /** Whether words can be corrected: those of the whole job, by whoever may. */
  mayEdit: boolean;
  save: (index: number, text: string | null) => Promise<void>;
  /** The segment whose text is being corrected. */
  editing: number | null;
  edit: (index: number | null) => void;
  /** Hear the track of a channel, where each has its own. */
  hearTrack: (track: number) => void;
  /** Texts before they were corrected, by segment. */
  originals: readonly string[] | undefined;
}

type ScrollTo = (index: number, align?: "start" | "center" | "auto") => void;

export function Words(props: Props) {
  const {
    transcript,
    timeline,
    shown,
    people,
    player,
    hits,
    hit,
    mark,
    save,
    originals,
    editing,
    edit,
    hearTrack,
  } = props;
  const { segments } = transcript;
  const box = useRef<HTMLDivElement>(null);
  const scrollTo = useRef<ScrollTo>(() => undefined);
  const [active, activate] = useState(0);
  const tools: Tools = useMemo(
    () => ({
      jump: ({ start, channel }) => {
        if (typeof channel === "number") hearTrack(channel);
        player.seek(start);
        void player.play();
      },
      edit,
      save: async (index, text) => {
        await save(index, text);
        edit(null);
      },
    }),
    [player, save, edit, hearTrack],
  );
  const bySegment = useMemo(() => {
    const groups = new Map<number, Hit[]>();
    for (const one of hits) groups.set(one.segment, [...(groups.get(one.segment) ?? []), one]);
    return groups;
  }, [hits]);
  const markWord = mark === undefined ? -1 : wordNear(timeline, mark);
  const marked = markWord < 0 ? -1 : segmentOf(timeline, markWord);
  const follow = useFollow({ box, player, timeline, scrollTo, markWord });

  useEffect(() => {
    if (hit) scrollTo.current(hit.segment, "center");
  }, [hit]);
  useEffect(() => {
    if (marked >= 0) {
      activate(marked);
      scrollTo.current(marked, "center");
    }
  }, [marked]);

  // What was edited is left with the focus where it was begun.
  const edited = useRef<number | null>(null);
  useEffect(() => {
    if (editing !== null) {
      activate(editing);
      if (!box.current?.querySelector(`[data-index="${editing}"]`))
        scrollTo.current(editing, "center");
    }
    if (editing === null && edited.current !== null) {
      box.current
        ?.querySelector<HTMLElement>(`[data-index="${edited.current}"] .seg-edit`)
        ?.focus({ preventScroll: true });
    }
    edited.current = editing;
  }, [editing]);

  const seen = useCallback((first: number, last: number) => {
    activate((was) => (was < first || was > last ? first : was));
  }, []);
  const handle = useCallback((way: ScrollTo) => {
    scrollTo.current = way;
  }, []);
  const press = (event: MouseEvent) => {
    const word = (event.target as Element).closest<HTMLElement>(".w");
    if (!word || !getSelection()?.isCollapsed) return;
    const row = Number(word.closest<HTMLElement>("[data-index]")?.dataset.index);
    const channel = segments[row]?.channel;
    if (typeof channel === "number") hearTrack(channel);
    player.seek(Number(word.dataset.t));
    follow.resume();
  };
  const key = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const target = event.target as Element;
    if (!step || !target.closest(".seg-time")) return;
    const row = Number(target.closest<HTMLElement>("[data-index]")?.dataset.index) + step;
    if (!segments[row]) return;
    event.preventDefault();
    event.stopPropagation();
    activate(row);
    scrollTo.current(row, "auto");
    requestAnimationFrame(() => requestAnimationFrame(() => focusRow(box.current, row)));
  };
  const severalChannels = useMemo(
    () => new Set(segments.map((one) => one.channel ?? null)).size > 1,
    [segments],
  );

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: each row has a button for what a press on a word does
    <div class="words" ref={box} onClick={press} onKeyDown={key}>
      <VirtualList
        label="Transcript"
        count={segments.length}
        height={64}
        keyOf={(index) => index}
        seen={seen}
        handle={handle}
      >
        {(index) => {
          const segment = segments[index];
          if (!segment) return null;
          const before = segments[index - 1];
          return (
            <SegmentRow
              index={index}
              segment={segment}
              shown={shown}
              first={timeline.first[index] ?? 0}
              person={segment.speaker ? people.get(segment.speaker) : undefined}
              opens={
                !before ||
                before.speaker !== segment.speaker ||
                (shown === "clean" && Boolean(segment.clean?.paragraph))
              }
              low={props.low}
              hits={bySegment.get(index)}
              hit={hit?.segment === index ? hit : undefined}
              marked={index === marked}
              active={index === active}
              editing={index === editing}
              mayEdit={props.mayEdit}
              original={segment.edited ? originals?.[index] : undefined}
              language={
                segment.language && segment.language !== transcript.language
                  ? segment.language
                  : undefined
              }
              channel={
                severalChannels && segment.channel !== null && segment.channel !== undefined
                  ? `Channel ${segment.channel + 1}`
                  : undefined
              }
              tools={tools}
            />
          );
        }}
      </VirtualList>
      {follow.away && (
        <Button class="words-follow" icon="down" onClick={follow.resume}>
          {`Back to ${clock(player.time.peek())}`}
        </Button>
      )}
    </div>
  );
}

function focusRow(box: HTMLElement | null, index: number): void {
  box?.querySelector<HTMLElement>(`[data-index="${index}"] .seg-time`)?.focus();
}
