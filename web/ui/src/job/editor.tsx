// A correction in place: Enter keeps it, Escape leaves it, and the text stands where it stood.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  text: string;
  save: (text: string) => Promise<void>;
  leave: () => void;
}

export function Editor({ text, save, leave }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [busy, set] = useState(false);
  const [problem, say] = useState("");
  const [value, write] = useState(text);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as high as what is written in it
  useLayoutEffect(() => {
    const node = field.current;
    if (!node) return;
    node.style.height = "auto";
    node.style.height = `${node.scrollHeight}px`;
  }, [value]);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(text.length, text.length);
  }, [text]);
  const keep = async () => {
    const wanted = value.replace(/\s+/gu, " ").trim();
    if (!wanted) return say("A segment needs some words. Escape leaves it as it was.");
    if (wanted === text.trim()) return leave();
    set(true);
    try {
      await save(wanted);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      set(false);
    }
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return; // Enter then ends a word of an input method, not the correction
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && !event.shiftKey) void keep();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="seg-editor">
      <textarea
        ref={field}
        class="seg-text"
        dir="auto"
        rows={1}
        aria-label="Corrected text"
        aria-describedby="seg-editor-keys"
        aria-invalid={problem ? true : undefined}
        readOnly={busy}
        value={value}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={key}
      />
      <p class="row tiny dim" id="seg-editor-keys">
        {problem ? (
          <span class="error" role="alert">
            {problem}
          </span>
        ) : (
          <span>
            <kbd>Enter</kbd> keeps it, <kbd>Esc</kbd> leaves it
          </span>
        )}
        <button type="button" class="as-link" disabled={busy} onClick={() => void keep()}>
          {busy ? "Keeping it" : "Keep"}
        </button>
        <button type="button" class="as-link" disabled={busy} onClick={leave}>
          Leave
        </button>
      </p>
    </div>
  );
}
