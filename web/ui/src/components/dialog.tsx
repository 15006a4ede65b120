// A native dialog: it keeps the focus, Escape closes it, and the focus goes back where it was.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { IconButton } from "./basics";

interface Props {
  open: boolean;
  title: string;
  close: () => void;
  children: ComponentChildren;
  /** Buttons at its foot; the main one last. */
  foot?: ComponentChildren;
  wide?: boolean;
}

export function Dialog({ open, title, close, children, foot, wide }: Props) {
  const node = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = node.current;
    if (!dialog) return;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a press beside the dialog closes it; keys have Escape
    <dialog
      ref={node}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      onClose={close}
      onClick={(event) => event.target === node.current && close()}
    >
      {open && (
        <div class="dialog-body">
          <header class="row apart">
            <h2 id={id}>{title}</h2>
            <IconButton icon="close" name="Close" onClick={close} />
          </header>
          {children}
          {foot && <footer class="row dialog-foot">{foot}</footer>}
        </div>
      )}
    </dialog>
  );
}
