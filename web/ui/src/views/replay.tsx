// A job's past: go to any of its events, see the job as it was then, play it, compare two moments.

import { useEffect, useMemo, useState } from "preact/hooks";
import { Button, ButtonLink, Card, Head, Skeleton } from "../components/basics";
import { Status } from "../components/status";
import { tell } from "../components/toast";
import { Dag } from "../job/dag";
import { NoJob } from "../job/job-page";
import { go, type ViewProps, withQuery } from "../lib/router";
import { remembered } from "../lib/storage";
import { useSettled, useTitle } from "../lib/use";
import { Bar } from "../replay/bar";
import { Compare } from "../replay/compare";
import { EventList, EventWhole } from "../replay/events";
import { causes, type Moment } from "../replay/history";
import { usePast } from "../replay/load";
import { SPEEDS, usePlaying } from "../replay/play";
import { useWords, WordsAt } from "../replay/words";
import "../replay/replay.css";

const speed = remembered(
  "replay-speed",
  10,
  (value): value is number => typeof value === "number" && SPEEDS.includes(value),
);

export default function Replay({ params, query }: ViewProps) {
  const id = params.id ?? "";
  const { past, ready, problem } = usePast(id);
  useTitle(`Replay of ${past[0]?.job?.filename ?? "a job"}`);
  if (problem && !past.length)
    return (
      <div class="view">
        <Head title="Replay" back={{ href: "/", to: "Jobs" }} />
        <NoJob problem={problem} retry={() => location.reload()} />
      </div>
    );
  if (!ready) return <Waiting />;
  return <Replayed key={id} id={id} past={past} query={query} />;
}

function Waiting() {
  return (
    <div class="view">
      <Head title="Replay" />
      <Skeleton lines={6} />
    </div>
  );
}

/** The index of a revision that an address names, within the past. */
function indexOf(past: Moment[], text: string | null, otherwise: number): number {
  const rev = Number(text);
  if (!text || !Number.isFinite(rev)) return otherwise;
  const found = past.findIndex((one) => one.event.rev >= rev);
  return found < 0 ? past.length - 1 : found;
}

function Replayed({ id, past, query }: { id: string; past: Moment[]; query: URLSearchParams }) {
  const last = past.length - 1;
  const [index, reach] = useState(() => indexOf(past, query.get("rev"), last));
  const [playing, play] = useState(false);
  const [cut, setCut] = useState(true);
  const wanted = query.get("with");
  const other = wanted === null ? null : indexOf(past, wanted, 0);
  const caused = useMemo(() => causes(past.map((one) => one.event)), [past]);
  const times = useMemo(() => past.map((one) => Date.parse(one.event.time)), [past]);
  const move = (to: number) => reach(Math.max(0, Math.min(last, to)));
  usePlaying({ on: playing, times, index, speed: speed.value, cut, reach, end: () => play(false) });
  useAddress(past, index, query.get("rev"), playing, move);

  const here = past[index] as Moment;
  const words = useWords(id, past, index);
  const range = other === null ? null : ([Math.min(index, other), Math.max(index, other)] as const);
  const compare = () => go(withQuery({ with: other === null ? here.event.rev : null }));
  return (
    <div class="view">
      <Head
        title={here.job?.filename || "Replay"}
        back={{ href: `/jobs/${id}`, to: "The job as it is now" }}
        line={
          <span class="row">
            {here.job && <Status of={here.job.status} />}
            <span class="dim">
              at revision <span class="num">{here.event.rev}</span>
              {here.job?.reason && <span class="wrap">: {here.job.reason}</span>}
            </span>
          </span>
        }
      >
        <Button onClick={compare} aria-pressed={other !== null}>
          {other === null ? "Compare with another moment" : "Stop comparing"}
        </Button>
        <Button icon="link" onClick={() => copy()}>
          Copy link
        </Button>
      </Head>
      <Bar
        {...{ past, index, other, playing, play, cut, setCut }}
        reach={move}
        speed={speed.value}
        setSpeed={(one) => {
          speed.value = one;
        }}
      />
      <div class="replay-grid">
        <div class="stack wide">
          {range ? (
            <Compare id={id} past={past} from={range[0]} to={range[1]} />
          ) : (
            <>
              <Card title="Stages">
                {here.job && <Dag job={here.job} now={times[index] ?? 0} />}
              </Card>
              <Card title="Words">
                <WordsAt words={words} erased={here.job?.erased ?? false} />
              </Card>
            </>
          )}
        </div>
        <div class="stack wide">
          <Card
            title="Events"
            flush
            side={
              <ButtonLink
                look="quiet"
                small
                icon="download"
                href={`/v1/jobs/${id}/events?limit=1000`}
                download={`${id}.json`}
              >
                JSON
              </ButtonLink>
            }
          >
            <EventList past={past} index={index} reach={move} />
          </Card>
          <Card title={`Event ${index + 1}`}>
            <EventWhole past={past} index={index} reach={move} caused={caused} />
          </Card>
        </div>
      </div>
      {range && (
        <p class="unseen" role="status">
          Comparing event {range[0] + 1} with event {range[1] + 1}.
        </p>
      )}
    </div>
  );
}

/** Keeps the address at the moment that is looked at, and follows it when somebody goes back. */
function useAddress(
  past: Moment[],
  index: number,
  asked: string | null,
  playing: boolean,
  move: (index: number) => void,
): void {
  const settled = useSettled(index, 300);
  const [written, wrote] = useState(asked);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a moment that was kept is written
  useEffect(() => {
    if (playing || settled !== index) return;
    const rev = String(past[settled]?.event.rev ?? "");
    if (rev === asked) return;
    wrote(rev);
    go(withQuery({ rev }), { replace: true });
  }, [settled, playing]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what others wrote is followed
  useEffect(() => {
    if (asked !== null && asked !== written) move(indexOf(past, asked, index));
  }, [asked]);
}

async function copy(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    tell("The link to this moment is copied.");
  } catch {
    tell("The browser does not let the page copy: take the link from its address bar.", "amber");
  }
}
