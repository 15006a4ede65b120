// What is asked before something is given away, taken out, or gone for good.

import { useState } from "preact/hooks";
import { send } from "../api/client";
import { Button, ButtonLink, Notice } from "../components/basics";
import { Dialog } from "../components/dialog";
import { Select } from "../components/forms";
import { tell } from "../components/toast";
import type { Job } from "../fold";
import { exact } from "../lib/format";
import { go } from "../lib/router";
import { may } from "../store";
import { type Access, partOf } from "./access";
import { copy } from "./controls";
import type { Transcript } from "./transcript";

/** What every dialog about a job is given. */
export interface DialogProps {
  access: Access;
  job: Job;
  open: boolean;
  close: () => void;
}

const FORMATS = [
  ["txt", "Text", "A paragraph for each who talks"],
  ["srt", "SubRip (.srt)", "Subtitles for players and editors"],
  ["vtt", "WebVTT (.vtt)", "Subtitles for the web, with speakers"],
  ["json", "JSON", "Everything: words, times, who made it"],
] as const;

/** All formats of the transcript, and the audio. */
export function ExportDialog({
  access,
  job,
  open,
  close,
  transcript,
}: DialogProps & { transcript: Transcript | undefined }) {
  const [text, setText] = useState("said");
  const [version, setVersion] = useState("edited");
  const cleaned = transcript?.segments.some((segment) => segment.clean);
  const changed = job.edited > 0 || Object.keys(job.names).length > 0;
  const masked = (transcript?.audio?.length ?? 0) > 0;
  const wanted =
    job.request.redact_audio && job.request.redact_audio !== "keep" && job.request.redact;
  const audio = [
    [
      "heard",
      masked ? "Audio with what is personal masked (.wav)" : "Audio as it was heard (.wav)",
    ],
    ...(wanted && !may("admin") ? [] : ([["original", "Audio as it was sent"]] as const)),
  ] as const;
  return (
    <Dialog open={open} close={close} title="Export">
      {(cleaned || changed) && (
        <div class="row">
          {cleaned && (
            <Select
              label="Text"
              value={text}
              options={[
                ["said", "As it was said"],
                ["clean", "Clean text"],
              ]}
              onChange={(event) => setText(event.currentTarget.value)}
            />
          )}
          {changed && (
            <Select
              label="Version"
              value={version}
              options={[
                ["edited", "As corrected"],
                ["original", "As the engines heard it"],
              ]}
              onChange={(event) => setVersion(event.currentTarget.value)}
            />
          )}
        </div>
      )}
      <ul class="exports">
        {FORMATS.map(([format, name, hint]) => (
          <li key={format}>
            <a
              href={partOf(access, "/transcript", { format, text, version })}
              download=""
              data-format={format}
            >
              <strong>{name}</strong>
              <span class="dim small">{hint}</span>
            </a>
          </li>
        ))}
      </ul>
      <div class="stack tight">
        {audio.map(([kind, name]) => (
          <ButtonLink
            key={kind}
            icon="download"
            href={partOf(access, "/audio", { kind })}
            download=""
            data-audio={kind}
          >
            {name}
          </ButtonLink>
        ))}
      </div>
    </Dialog>
  );
}

const SPANS = [
  ["3600", "an hour"],
  ["86400", "a day"],
  ["604800", "a week"],
  ["2592000", "30 days"],
] as const;

interface Share {
  token: string;
  path: string;
  expires_at: string;
}

/** A link that lets whoever has it read and hear this one job, for so long. */
export function ShareDialog({ access, job, open, close }: DialogProps) {
  const [span, set] = useState("604800");
  const [made, make] = useState<Share | null>(null);
  const [problem, say] = useState("");
  const [busy, work] = useState(false);
  const act = async (call: () => Promise<void>) => {
    work(true);
    say("");
    try {
      await call();
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
    work(false);
  };
  const link = made ? new URL(made.path, location.origin).href : "";
  return (
    <Dialog
      open={open}
      close={close}
      title="Share"
      foot={
        <Button
          look="danger"
          disabled={busy}
          onClick={() =>
            act(async () => {
              await send("DELETE", partOf(access, "/shares"));
              make(null);
              tell("All links to this job are void now.");
            })
          }
        >
          Void all links
        </Button>
      }
    >
      <p class="small dim">
        Whoever has the link can read and hear “{job.filename}”, and nothing else. They change
        nothing and need no key.
      </p>
      <form
        class="row share-form"
        onSubmit={(event) => {
          event.preventDefault();
          void act(async () => {
            make(
              await send<Share>("POST", partOf(access, "/shares"), {
                json: { expires_in_s: Number(span) },
              }),
            );
          });
        }}
      >
        <Select
          label="Good for"
          value={span}
          options={[...SPANS]}
          onChange={(event) => set(event.currentTarget.value)}
        />
        <Button type="submit" look={made ? "plain" : "main"} busy={busy && "Making it"}>
          {made ? "Make another" : "Make a link"}
        </Button>
      </form>
      {problem && (
        <Notice tone="red" alert>
          {problem}
        </Notice>
      )}
      {made && (
        <div class="stack tight">
          <div class="row share-link">
            <input
              class="input mono grow"
              readOnly
              aria-label="The link"
              value={link}
              onFocus={(event) => event.currentTarget.select()}
            />
            <Button look="main" icon="link" onClick={() => void copy(link, "The link is copied.")}>
              Copy
            </Button>
          </div>
          <p class="tiny dim">Good until {exact(made.expires_at)}. It is not shown again.</p>
        </div>
      )}
    </Dialog>
  );
}

/** Erasing cannot be undone, so it says what goes. */
export function EraseDialog({ access, job, open, close }: DialogProps) {
  const [busy, set] = useState(false);
  const [problem, say] = useState("");
  const erase = async () => {
    set(true);
    try {
      await send("DELETE", partOf(access, ""));
      tell(`“${job.filename}” is erased.`);
      close();
      go("/");
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      set(false);
    }
  };
  return (
    <Dialog
      open={open}
      close={close}
      title="Erase this job?"
      foot={
        <>
          <Button onClick={close}>Keep it</Button>
          <Button look="danger" icon="trash" busy={busy && "Erasing"} onClick={() => void erase()}>
            Erase for good
          </Button>
        </>
      }
    >
      <p>
        The audio, the transcript, every correction and all words about “{job.filename}” go for
        good. That it was, and when, stays in the log.
      </p>
      {problem && (
        <Notice tone="red" alert>
          {problem}
        </Notice>
      )}
    </Dialog>
  );
}
