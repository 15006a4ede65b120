// The same audio once more, with other options: what is changed is sent, the rest stays as it was.

import { useState } from "preact/hooks";
import { send } from "../api/client";
import type { JobRequest, JobView } from "../api/types";
import { Button, Notice } from "../components/basics";
import { Dialog } from "../components/dialog";
import { Check, TextField } from "../components/forms";
import { tell } from "../components/toast";
import type { Job } from "../fold";
import { go } from "../lib/router";
import { adopt } from "../store";
import { type Access, partOf } from "./access";

type Wishes = Partial<JobRequest>;

const CHECKS = [
  ["diarize", "Who speaks when", "Gives each word to a speaker."],
  ["align", "Exact times of words", "An aligner goes over the words again."],
  ["emotion", "How it sounds", "An emotion for each segment."],
  ["cleanup", "Clean text", "Punctuation and paragraphs, beside what was said."],
  ["summary", "Summary", "Of the whole, by a language model."],
  ["action_items", "To do", "What was agreed to be done."],
  ["chapters", "Chapters", "Parts of the talk, with titles."],
  ["redact", "Mask what is personal", "Names, numbers and addresses come out masked."],
] as const;

interface Props {
  access: Access;
  job: Job;
  open: boolean;
  close: () => void;
}

export function AgainDialog({ access, job, open, close }: Props) {
  const [wishes, set] = useState<Wishes>({});
  const [busy, work] = useState(false);
  const [problem, say] = useState("");
  const now = { ...job.request, ...wishes };
  const wish = (change: Wishes) => set((was) => ({ ...was, ...change }));
  const blocked = job.status === "blocked";
  const run = async () => {
    work(true);
    say("");
    try {
      const view = await send<JobView>("POST", partOf(access, "/retry"), { json: wishes });
      adopt(view);
      tell(view.id === job.id ? "It goes on." : "A new job has begun, of the same audio.");
      close();
      if (view.id !== job.id) go(`/jobs/${view.id}`);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
    work(false);
  };
  return (
    <Dialog
      open={open}
      close={close}
      wide
      title={blocked ? "Try again with other options" : "Run again"}
      foot={
        <>
          <Button onClick={close}>Leave it</Button>
          <Button look="main" icon="again" busy={busy && "Starting"} onClick={() => void run()}>
            Run
          </Button>
        </>
      }
    >
      <p class="small dim">
        {blocked
          ? "Where you change something a new job of the same audio begins, and this one is cancelled. Without a change what is parked gets a fresh try."
          : "A new job of the same audio. This one stays as it is."}
      </p>
      <div class="again-fields">
        <TextField
          label="Language"
          hint="A code like en or de; empty lets the engine find out."
          value={now.language ?? ""}
          onInput={(event) => wish({ language: event.currentTarget.value.trim() || null })}
        />
        <TextField
          label="Model"
          hint="Empty takes the engine's own."
          value={now.model ?? ""}
          onInput={(event) => wish({ model: event.currentTarget.value.trim() || null })}
        />
        <TextField
          label="Transcribed by"
          hint="An engine's name; empty takes the usual one."
          value={now.engines?.transcribe ?? ""}
          onInput={(event) =>
            wish({ engines: named(now.engines, event.currentTarget.value.trim()) })
          }
        />
      </div>
      <div class="again-checks">
        {CHECKS.map(([name, label, hint]) => (
          <Check
            key={name}
            label={label}
            hint={hint}
            checked={Boolean(now[name])}
            onChange={(event) => wish({ [name]: event.currentTarget.checked })}
          />
        ))}
      </div>
      {now.diarize && (
        <div class="again-fields">
          {(["min_speakers", "max_speakers"] as const).map((name) => (
            <TextField
              key={name}
              type="number"
              min={1}
              max={100}
              label={name === "min_speakers" ? "At least so many speakers" : "At most so many"}
              value={now[name] ?? ""}
              onInput={(event) =>
                wish({
                  [name]: event.currentTarget.value ? Number(event.currentTarget.value) : null,
                })
              }
            />
          ))}
        </div>
      )}
      {problem && (
        <Notice tone="red" alert>
          {problem}
        </Notice>
      )}
    </Dialog>
  );
}

function named(
  engines: Record<string, string> | undefined,
  transcribe: string,
): Record<string, string> {
  const { transcribe: _, ...others } = engines ?? {};
  return transcribe ? { ...others, transcribe } : others;
}
