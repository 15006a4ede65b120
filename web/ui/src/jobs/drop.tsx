// Where audio comes in: dropped anywhere on the page, chosen, or named by its address.

import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client";
import type { EngineView } from "../api/types";
import { Button, Notice } from "../components/basics";
import { TextField } from "../components/forms";
import { Icon } from "../components/icons";
import { tell } from "../components/toast";
import { plural } from "../lib/format";
import { remembered } from "../lib/storage";
import { may } from "../store";
import { filesOf, isMedia } from "./files";
import { languageName } from "./offers";
import { areWishes, fieldsOf, inWords, NOTHING, type Wishes } from "./options";
import { Sendings } from "./sendings";
import { sendAddress, sendFiles } from "./uploads";
import { WishesForm } from "./wishes";

const wishes = remembered<Wishes>("wishes", NOTHING, areWishes);

function take(files: File[]): void {
  const media = files.filter(isMedia);
  const left = files.length - media.length;
  if (media.length) sendFiles(media, fieldsOf(wishes.value));
  if (left)
    tell(`${plural(left, "file")} left out: no audio or video.`, media.length ? "amber" : "red");
}

export function Drop({ engines }: { engines: EngineView[] | undefined }) {
  const over = useDrops();
  const [files, folder] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const chosen = (input: HTMLInputElement) => {
    take([...(input.files ?? [])]);
    input.value = "";
  };
  if (!may("write")) {
    return <Notice tone="none">Your key may look, but not send anything.</Notice>;
  }
  return (
    <section class="card new-job" aria-label="Transcribe something">
      <div class="drop" data-over={over || undefined}>
        <Icon name="upload" size={24} />
        <p class="drop-title">Drop audio or video here</p>
        <div class="row drop-buttons">
          <Button look="main" icon="file" onClick={() => files.current?.click()}>
            Choose files
          </Button>
          <Button icon="folder" onClick={() => folder.current?.click()}>
            A folder
          </Button>
        </div>
        <input
          ref={files}
          id="files"
          class="unseen"
          type="file"
          multiple
          accept="audio/*,video/*,.opus,.flac,.mka,.mkv"
          tabIndex={-1}
          aria-label="Files to transcribe"
          onChange={(event) => chosen(event.currentTarget)}
        />
        <input
          ref={(node) => {
            folder.current = node;
            node?.setAttribute("webkitdirectory", "");
          }}
          class="unseen"
          type="file"
          tabIndex={-1}
          aria-label="Folder to transcribe"
          onChange={(event) => chosen(event.currentTarget)}
        />
      </div>
      <Sendings />
      <AddressField />
      <details class="fold">
        <summary>
          <span class="fold-title">Options</span>
          <span class="cut dim">{inWords(wishes.value, languageName)}</span>
        </summary>
        <WishesForm
          wishes={wishes.value}
          engines={engines}
          change={(changes) => {
            wishes.value = { ...wishes.value, ...changes };
          }}
        />
        <Button
          look="quiet"
          small
          onClick={() => {
            wishes.value = NOTHING;
          }}
        >
          As at first
        </Button>
      </details>
    </section>
  );
}

function AddressField() {
  const [url, setUrl] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      const job = await sendAddress(url.trim(), fieldsOf(wishes.value));
      setUrl("");
      tell(`${job.filename || "It"} is accepted.`);
    } catch (problem) {
      setError(problem instanceof Problem ? problem.message : String(problem));
    }
    setBusy(false);
  };
  return (
    <form class="address" onSubmit={submit}>
      <TextField
        bare
        type="url"
        label="Address of a recording"
        placeholder="or an address: https://…"
        value={url}
        error={error}
        onInput={(event) => setUrl(event.currentTarget.value)}
      />
      <Button type="submit" busy={busy && "Fetching"} disabled={!url.trim()}>
        Fetch
      </Button>
    </form>
  );
}

/** Files may fall anywhere on the page. Whether some are held over it. */
function useDrops(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const holds = (event: DragEvent) => Boolean(event.dataTransfer?.types.includes("Files"));
    const onOver = (event: DragEvent) => {
      if (!holds(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const onDrop = (event: DragEvent) => {
      if (!holds(event) || !event.dataTransfer) return;
      event.preventDefault();
      setOver(false);
      filesOf(event.dataTransfer).then(take, (error: Error) => tell(error.message, "red"));
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, []);
  return over;
}
