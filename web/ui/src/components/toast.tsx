// Short words about what was just done, read out by screen readers and gone by themselves.

import { signal } from "@preact/signals";
import type { Tone } from "./basics";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
  tone: Tone;
}

const toasts = signal<Toast[]>([]);
let last = 0;

/** Say something; what went wrong stays longer. */
export function tell(text: string, tone: Tone = "green"): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-2), { id, text, tone }];
  setTimeout(() => dismiss(id), tone === "red" ? 12_000 : 5_000);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** The place where they appear; once, in the shell. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, tone }) => (
        <div key={id} class="toast" data-tone={tone}>
          <Icon name={tone === "green" ? "check" : tone === "red" ? "warning" : "info"} />
          <span class="grow wrap">{text}</span>
          <button
            type="button"
            class="toast-close"
            aria-label="Dismiss"
            onClick={() => dismiss(id)}
          >
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
