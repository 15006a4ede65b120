// The options of a transcription in plain words; what nobody here does now is said beside it.

import type { ComponentChildren } from "preact";
import type { EngineView } from "../api/types";
import { Check, Select, TextField } from "../components/forms";
import { canDo, languages, models } from "./offers";
import type { Wishes } from "./options";

interface Props {
  wishes: Wishes;
  change: (changes: Partial<Wishes>) => void;
  engines: EngineView[] | undefined;
}

export function WishesForm({ wishes, change, engines = [] }: Props) {
  const choices = models(engines);
  const kept = wishes.model && !choices.some((one) => one.value === wishes.model);
  return (
    <div class="wishes">
      <Select
        label="Language"
        value={wishes.language}
        options={[
          ["", "Detect"],
          ...languages(engines).map((one) => [one.value, one.text] as const),
        ]}
        onChange={(event) => change({ language: event.currentTarget.value })}
      />
      <fieldset>
        <legend class="unseen">What else the transcript is to have</legend>
        <Yes
          name="speakers"
          label="Tell speakers apart"
          stage="diarize"
          {...{ wishes, change, engines }}
        >
          Who speaks when.
        </Yes>
        {wishes.speakers && (
          <Select
            label="How many speak"
            value={wishes.many}
            options={[
              ["", "Find out"],
              ...Array.from({ length: 10 }, (_, i) => [`${i + 1}`, `${i + 1}`] as const),
            ]}
            onChange={(event) => change({ many: event.currentTarget.value })}
          />
        )}
        <Yes name="emotion" label="Emotion" stage="emotion" {...{ wishes, change, engines }}>
          How each part sounds.
        </Yes>
        <Yes name="clean" label="Clean text" stage="cleanup" {...{ wishes, change, engines }}>
          Without ums and false starts, beside what was said.
        </Yes>
        <Yes name="summary" label="Summary" stage="cleanup" {...{ wishes, change, engines }} />
        <Yes name="actions" label="Action items" stage="cleanup" {...{ wishes, change, engines }}>
          What somebody promised to do.
        </Yes>
        <Yes name="chapters" label="Chapters" stage="cleanup" {...{ wishes, change, engines }} />
        <Yes
          name="mask"
          label="Mask what is personal"
          stage="redact"
          must
          {...{ wishes, change, engines }}
        >
          Names, numbers and addresses are taken out of the text.
        </Yes>
        {wishes.mask && (
          <Select
            label="And in the audio"
            value={wishes.maskAudio}
            options={[
              ["keep", "Leave them"],
              ["beep", "Beep over them"],
              ["silence", "Silence them"],
            ]}
            onChange={(event) =>
              change({ maskAudio: event.currentTarget.value as Wishes["maskAudio"] })
            }
          />
        )}
      </fieldset>
      <TextField
        label="Words to expect"
        placeholder="Names and terms, as they are spelled"
        maxLength={500}
        value={wishes.words}
        onInput={(event) => change({ words: event.currentTarget.value })}
      />
      <Select
        label="Channels"
        value={wishes.channels}
        options={[
          ["mix", "Mixed into one"],
          ["separate", "One speaker on each"],
        ]}
        onChange={(event) => change({ channels: event.currentTarget.value as Wishes["channels"] })}
      />
      <Select
        label="Model"
        value={wishes.model}
        hint={kept && engines.length ? "The engine of this choice is not up now." : undefined}
        options={[
          ["", "The usual one for the language"],
          ...choices.map((one) => [one.value, one.text] as const),
          ...(kept
            ? [
                [
                  wishes.model,
                  wishes.model.split("|").reverse().filter(Boolean).join(", "),
                ] as const,
              ]
            : []),
        ]}
        onChange={(event) => change({ model: event.currentTarget.value })}
      />
    </div>
  );
}

type Flag = { [K in keyof Wishes]: Wishes[K] extends boolean ? K : never }[keyof Wishes];

interface YesProps extends Props {
  name: Flag;
  label: string;
  stage: string;
  /** Without it the job is refused; other extras are left out with a warning. */
  must?: boolean;
  children?: ComponentChildren;
}

function Yes({ name, label, stage, must, wishes, change, engines = [], children }: YesProps) {
  const nobody = engines.length > 0 && !canDo(engines, stage);
  const warning = must
    ? "No engine here does this now: the job would be refused."
    : "No engine here does this now: it would be left out.";
  return (
    <Check
      label={label}
      aside={nobody && !wishes[name] && "not up"}
      hint={nobody && wishes[name] ? <span class="warned">{warning}</span> : children}
      checked={wishes[name]}
      onChange={(event) => change({ [name]: event.currentTarget.checked })}
    />
  );
}
