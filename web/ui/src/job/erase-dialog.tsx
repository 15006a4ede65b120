// Erasing cannot be undone, so it is asked again, and says what goes.

import { useState } from "preact/hooks";
import { send } from "../api/client";
import { Button, Notice } from "../components/basics";
import { Dialog } from "../components/dialog";
import { tell } from "../components/toast";
import type { Job } from "../fold";
import { go } from "../lib/router";
import { type Access, partOf } from "./access";

/** What every dialog about a job is given. */
export interface DialogProps {
  access: Access;
  job: Job;
  open: boolean;
  close: () => void;
}

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
