// Keys of the whole view. They yield to whatever takes keys itself: fields, buttons, dialogs.

import { useEffect, useRef } from "preact/hooks";

export type Shortcuts = Record<string, () => void>;

const TAKES = "input, textarea, select, [contenteditable], dialog[open], [role=slider]";

/** Keys as `KeyboardEvent.key` has them, with `Shift+` before where it changes a named key. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as Element;
      if (document.querySelector("dialog[open]")) return;
      const key = event.shiftKey && event.key.length > 1 ? `Shift+${event.key}` : event.key;
      const call = latest.current[key];
      if (!call) return;
      const presses = target.closest("button, a, summary, [role=tab]");
      if (target.closest(TAKES) && !(key === " " && target.closest("[role=slider]"))) return;
      if (presses && (key === " " || key === "Enter")) return;
      event.preventDefault();
      call();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}
