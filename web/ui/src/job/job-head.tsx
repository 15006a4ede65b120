// What job it is, how it stands, and what can be done with it.

import { useState } from "preact/hooks";
import { Button, ButtonLink, Head, Progress, type Tone, When } from "../components/basics";
import { ended, Status } from "../components/status";
import { tell } from "../components/toast";
import type { Job } from "../fold";
import { between, lasting, percent } from "../lib/format";
import { type Access, change, mayWrite } from "./access";
import { AgainDialog } from "./again";
import { EraseDialog } from "./erase-dialog";
import { ExportDialog } from "./export-dialog";
import { ShareDialog } from "./share-dialog";
import { audioText, restOf, restText } from "./stages";
import type { Transcript } from "./transcript";

type Asked = "share" | "export" | "again" | "erase" | null;

interface Props {
  access: Access;
  job: Job;
  now: number;
  transcript: Transcript | undefined;
}

export function JobHead({ access, job, now, transcript }: Props) {
  const [asked, ask] = useState<Asked>(null);
  const over = ended(job.status);
  // Whoever saw it at work goes on to see the bar: what stands below does not jump when it ends.
  const [watched] = useState(!over);
  const dialog = { access, job, close: () => ask(null) };
  return (
    <>
      <Head
        title={job.erased ? "Erased" : job.filename}
        back={access.share === undefined ? { href: "/", to: "Jobs" } : undefined}
        line={<Line job={job} now={now} over={over} shared={access.share !== undefined} />}
      >
        <Actions access={access} job={job} over={over} ask={ask} />
      </Head>
      {watched && !job.erased && <Underway job={job} now={now} />}
      <ExportDialog {...dialog} open={asked === "export"} transcript={transcript} />
      {mayWrite(access) && (
        <>
          <ShareDialog {...dialog} open={asked === "share"} />
          <AgainDialog key={job.id} {...dialog} open={asked === "again"} />
          <EraseDialog {...dialog} open={asked === "erase"} />
        </>
      )}
    </>
  );
}

function Line({
  job,
  now,
  over,
  shared,
}: {
  job: Job;
  now: number;
  over: boolean;
  shared: boolean;
}) {
  const spent = over
    ? between(job.submitted_at, job.ended_at)
    : (now - Date.parse(job.submitted_at)) / 1000;
  const model = job.stages.find((stage) => stage.name === "transcribe");
  return (
    <div class="job-line">
      <Status of={job.status} />
      <When at={job.submitted_at} />
      {audioText(job) && <span class="num">{audioText(job)}</span>}
      <span class="num">
        {over ? `took ${lasting(spent)}` : `${lasting(Math.max(0, spent ?? 0))} so far`}
      </span>
      {model && <span>{model.model ?? job.request.model ?? model.engine}</span>}
      {job.tenant !== "default" && <span>{job.tenant}</span>}
      {Object.entries(job.request.labels ?? {}).map(([name, value]) => (
        <span key={name} class="seg-tag">{`${name}: ${value}`}</span>
      ))}
      {shared && <span class="seg-tag">Shared with you, to read only</span>}
      {job.again_from && !shared && <a href={`/jobs/${job.again_from}`}>once more</a>}
      <span class="mono tiny dim">{job.id}</span>
    </div>
  );
}

const BAR: Record<string, Tone> = {
  blocked: "amber",
  cancelling: "amber",
  cancelled: "none",
  failed: "red",
  succeeded: "green",
};

function Underway({ job, now }: { job: Job; now: number }) {
  const rest = restOf(job, now);
  return (
    <div class="underway">
      <Progress value={job.progress} label="Progress of the job" tone={BAR[job.status] ?? "blue"} />
      <p class="row apart small">
        <span class="num">{percent(job.progress)}</span>
        <span class="dim num cut">{rest ? restText(rest) : ""}</span>
      </p>
    </div>
  );
}

interface ActionsProps {
  access: Access;
  job: Job;
  over: boolean;
  ask: (what: Asked) => void;
}

function Actions({ access, job, over, ask }: ActionsProps) {
  const [busy, set] = useState("");
  const write = mayWrite(access) && !job.erased;
  const act = async (what: "cancel" | "retry") => {
    set(what);
    try {
      await change(access, "POST", `/${what}`);
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), "red");
    }
    set("");
  };
  return (
    <div class="job-actions">
      {access.share === undefined && (
        <ButtonLink look="quiet" icon="clock" href={`/jobs/${job.id}/replay`}>
          Replay
        </ButtonLink>
      )}
      {write && over && (
        <Button look="quiet" icon="trash" onClick={() => ask("erase")}>
          Erase
        </Button>
      )}
      {write && (over || job.status === "blocked") && (
        <Button
          look={over && job.status !== "succeeded" ? "main" : "plain"}
          icon={over ? "again" : "edit"}
          onClick={() => ask("again")}
        >
          {over ? "Run again" : "Other options"}
        </Button>
      )}
      {write && !over && job.status !== "cancelling" && (
        <Button
          icon="stop"
          busy={busy === "cancel" && "Cancelling"}
          onClick={() => void act("cancel")}
        >
          Cancel
        </Button>
      )}
      {write && job.status === "blocked" && (
        <Button
          look="main"
          icon="again"
          busy={busy === "retry" && "Trying"}
          onClick={() => void act("retry")}
        >
          Try again
        </Button>
      )}
      {write && job.transcript && (
        <Button icon="share" onClick={() => ask("share")}>
          Share
        </Button>
      )}
      {job.transcript && (
        <Button look="main" icon="download" onClick={() => ask("export")}>
          Export
        </Button>
      )}
    </div>
  );
}
