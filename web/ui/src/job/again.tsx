// The same audio once more, with other options: what is changed is sent, the rest stays as it was.

import { useState } from "preact/hooks";
import { get, send } from "../api/client";
import type { JobView } from "../api/types";
import { Button, Notice } from "../components/basics";
import { Dialog } from "../components/dialog";
import { tell } from "../components/toast";
import { WishesForm } from "../jobs/wishes";
import { go } from "../lib/router";
import { useLoad } from "../lib/use";
import { adopt, engineChanges } from "../store";
import { partOf } from "./access";
import { changesOf, wishesOf } from "./changes";
import type { DialogProps } from "./erase-dialog";
import "../jobs/jobs.css";

export function AgainDialog({ access, job, open, close }: DialogProps) {
  const [wishes, set] = useState(() => wishesOf(job.request));
  const [busy, work] = useState(false);
  const [problem, say] = useState("");
  const { value } = useLoad(
    async (signal) => (open ? get("/v1/engines", { signal }) : undefined),
    [open, engineChanges.value],
  );
  const blocked = job.status === "blocked";
  const run = async () => {
    work(true);
    say("");
    try {
      const json = changesOf(job.request, wishes);
      const view = await send<JobView>("POST", partOf(access, "/retry"), { json });
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
      <div class="again">
        <WishesForm
          wishes={wishes}
          change={(changes) => set((was) => ({ ...was, ...changes }))}
          engines={value?.engines}
        />
      </div>
      {problem && (
        <Notice tone="red" alert>
          {problem}
        </Notice>
      )}
    </Dialog>
  );
}
