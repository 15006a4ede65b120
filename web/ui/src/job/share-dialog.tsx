// A link that lets whoever has it read and hear this one job, for so long.

import { useState } from "preact/hooks";
import { send } from "../api/client";
import { Button, Notice } from "../components/basics";
import { Dialog } from "../components/dialog";
import { Select } from "../components/forms";
import { tell } from "../components/toast";
import { exact } from "../lib/format";
import { partOf } from "./access";
import { copy } from "./controls";
import type { DialogProps } from "./erase-dialog";

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
