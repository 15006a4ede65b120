// All formats of the transcript, and the audio.

import { useState } from "preact/hooks";
import { ButtonLink } from "../components/basics";
import { Dialog } from "../components/dialog";
import { Select } from "../components/forms";
import { may } from "../store";
import { partOf } from "./access";
import type { DialogProps } from "./erase-dialog";
import type { Transcript } from "./transcript";

const FORMATS = [
  ["txt", "Text", "A paragraph for each who talks"],
  ["srt", "SubRip (.srt)", "Subtitles for players and editors"],
  ["vtt", "WebVTT (.vtt)", "Subtitles for the web, with speakers"],
  ["json", "JSON", "Everything: words, times, who made it"],
] as const;

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
  const corrected = job.edited > 0 || Object.keys(job.names).length > 0;
  const changed = corrected && access.share === undefined;
  const masked = (transcript?.audio?.length ?? 0) > 0;
  const wanted =
    job.request.redact_audio && job.request.redact_audio !== "keep" && job.request.redact;
  const mayHaveAll = access.share === undefined && (!wanted || may("admin"));
  const audio = [
    [
      "heard",
      masked ? "Audio with what is personal masked (.wav)" : "Audio as it was heard (.wav)",
    ],
    ...(mayHaveAll ? ([["original", "Audio as it was sent"]] as const) : []),
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
