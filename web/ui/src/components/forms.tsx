// Fields: a label that says what is meant, a hint, and what is wrong, tied to what it is about.

import type { ComponentChildren, JSX } from "preact";
import { useId, useRef } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string;
  /** The label is only for screen readers. */
  bare?: boolean;
  children: (given: {
    id: string;
    "aria-describedby"?: string;
    "aria-invalid"?: boolean;
  }) => ComponentChildren;
}

export function Field({ label, hint, error, bare, children }: FieldProps) {
  const id = useId();
  const about = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div class="field" data-bad={Boolean(error) || undefined}>
      <label class={bare ? "unseen" : "label"} for={id}>
        {label}
      </label>
      {children({ id, "aria-describedby": about, "aria-invalid": error ? true : undefined })}
      {error ? (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      ) : (
        hint && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )
      )}
    </div>
  );
}

type Common = Omit<FieldProps, "children">;

export function TextField({
  label,
  hint,
  error,
  bare,
  ...rest
}: Common & JSX.IntrinsicElements["input"]) {
  return (
    <Field {...{ label, hint, error, bare }}>
      {(given) => (
        <input type="text" autoComplete="off" {...(rest as object)} {...given} class="input" />
      )}
    </Field>
  );
}

export function Select({
  label,
  hint,
  error,
  bare,
  options,
  ...rest
}: Common & {
  options: (readonly [value: string, text: string])[];
} & JSX.IntrinsicElements["select"]) {
  return (
    <Field {...{ label, hint, error, bare }}>
      {(given) => (
        <select {...rest} {...given} class="input">
          {options.map(([value, text]) => (
            <option key={value} value={value} selected={value === rest.value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Yes or no, with what it means beside it. */
export function Check({
  label,
  hint,
  aside,
  ...rest
}: {
  label: string;
  hint?: ComponentChildren;
  /** A word behind the label, in grey. */
  aside?: ComponentChildren;
} & JSX.IntrinsicElements["input"]) {
  const id = useId();
  return (
    <div class="check">
      <input
        type="checkbox"
        {...(rest as object)}
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
      />
      <div>
        <label for={id}>
          {label}
          {aside && <span class="check-aside">{aside}</span>}
        </label>
        {hint && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

export interface Tab {
  id: string;
  label: string;
  /** Beside the label: how many. */
  count?: number;
}

/** Tabs after the pattern of ARIA: arrows go from one to the next. The panel is `<div role="tabpanel" id={panelId} aria-label=…>`. */
export function Tabs({
  tabs,
  chosen,
  choose,
  label,
  panelId,
}: {
  tabs: Tab[];
  chosen: string;
  choose: (id: string) => void;
  label: string;
  panelId?: string;
}) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const to =
      event.key === "Home"
        ? 0
        : event.key === "End"
          ? tabs.length - 1
          : step
            ? (at + step + tabs.length) % tabs.length
            : -1;
    const next = tabs[to];
    if (!next) return;
    event.preventDefault();
    choose(next.id);
    (list.current?.children[to] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          aria-selected={tab.id === chosen}
          aria-controls={panelId}
          tabIndex={tab.id === chosen ? 0 : -1}
          onClick={() => choose(tab.id)}
        >
          {tab.label}
          {tab.count !== undefined && <span class="tab-count">{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}
