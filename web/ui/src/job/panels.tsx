// Beside the transcript: who talks, notes, how it sounds, what was masked, and what made it.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { Icon } from "../components/icons";
import { clock, percent, plural } from "../lib/format";
import { moodColour } from "./moods";
import type { People } from "./people";
import { SpeakersPanel } from "./speakers-panel";
import { stageName } from "./stages";
import { feelings, moods, talk } from "./timeline";
import type { Notes, Provenance, Redacted, Transcript } from "./transcript";
import { useNarrow } from "./use";

interface Props {
  transcript: Transcript;
  people: People;
  mayEdit: boolean;
  rename: (speaker: string, name: string) => Promise<void>;
  jump: (seconds: number) => void;
}

export function Panels({ transcript, people, mayEdit, rename, jump }: Props) {
  const narrow = useNarrow("(max-width: 960px)");
  const talking = useMemo(() => talk(transcript), [transcript]);
  const felt = useMemo(() => feelings(moods(transcript.segments)), [transcript]);
  const { notes, redactions, provenance } = transcript;
  return (
    <aside class="panels" aria-label="About this transcript">
      {talking.length > 0 && (
        <Panel title={plural(talking.length, "speaker")} open={!narrow || talking.length < 4}>
          <SpeakersPanel people={people} talk={talking} mayEdit={mayEdit} rename={rename} />
        </Panel>
      )}
      {notes && <NotesPanels notes={notes} jump={jump} open={!narrow} />}
      {felt.length > 0 && (
        <Panel title="How it sounds" open={!narrow}>
          <ul class="moods">
            {felt.map(({ label, share }) => (
              <li key={label} style={{ "--mood": moodColour(label) }}>
                <span class="seg-mood">{label}</span>
                <span class="num dim">{percent(share)}</span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {redactions && redactions.length > 0 && <Masked redactions={redactions} jump={jump} />}
      {provenance && provenance.length > 0 && (
        <Made provenance={provenance} transcript={transcript} />
      )}
    </aside>
  );
}

function Panel({
  title,
  open,
  children,
}: {
  title: string;
  open?: boolean;
  children: ComponentChildren;
}) {
  return (
    <details class="panel" open={open}>
      <summary>
        <h2>{title}</h2>
        <Icon name="down" size={12} />
      </summary>
      {children}
    </details>
  );
}

function NotesPanels({
  notes,
  jump,
  open,
}: {
  notes: Notes;
  jump: (seconds: number) => void;
  open: boolean;
}) {
  const { summary, action_items, chapters } = notes;
  return (
    <>
      {summary && (
        <Panel title="Summary" open={open}>
          <p class="small wrap" dir="auto">
            {summary}
          </p>
          <p class="tiny dim">A language model wrote this. It may be wrong.</p>
        </Panel>
      )}
      {action_items && action_items.length > 0 && (
        <Panel title="To do" open={open}>
          <ul class="todo small">
            {action_items.map((item) => (
              <li key={item} dir="auto">
                {item}
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {chapters && chapters.length > 0 && (
        <Panel title="Chapters" open={open}>
          <ol class="jumps small">
            {chapters.map(({ start, title }) => (
              <li key={start}>
                <button type="button" onClick={() => jump(start)}>
                  <span class="num dim">{clock(start)}</span>
                  <span dir="auto">{title}</span>
                </button>
              </li>
            ))}
          </ol>
        </Panel>
      )}
    </>
  );
}

function Masked({ redactions, jump }: { redactions: Redacted[]; jump: (seconds: number) => void }) {
  return (
    <Panel title={`${plural(redactions.length, "place")} masked`}>
      <ol class="jumps small">
        {redactions.map(({ kind, start, end, score }) => (
          <li key={`${kind}${start}${end}`}>
            <button type="button" onClick={() => jump(start)}>
              <span class="num dim">{clock(start)}</span>
              <span>{kind.toLowerCase().replaceAll("_", " ")}</span>
              {score !== null && score !== undefined && (
                <span class="num dim">{percent(score)}</span>
              )}
            </button>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

/** Which engine and model made which part: enough to make it again. */
function Made({ provenance, transcript }: { provenance: Provenance[]; transcript: Transcript }) {
  const { language, language_probability: sure } = transcript;
  return (
    <Panel title="How it was made">
      {language && (
        <p class="small">
          Language: {languageName(language)}
          {sure ? <span class="dim"> ({percent(sure)} sure)</span> : null}
        </p>
      )}
      <ol class="made small">
        {provenance.map(({ stage, engine, version, model, model_sha256, parameters }) => (
          <li key={stage}>
            <strong>{stageName(stage)}</strong>
            <p
              class="dim wrap"
              title={model_sha256 ? `sha256 of the model: ${model_sha256}` : undefined}
            >
              {engine} {version}
              {model && `, ${model}`}
            </p>
            {parameters && Object.keys(parameters).length > 0 && (
              <p class="mono tiny dim wrap">
                {Object.entries(parameters)
                  .map(
                    ([name, value]) =>
                      `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
                  )
                  .join(" ")}
              </p>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function languageName(code: string): string {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
