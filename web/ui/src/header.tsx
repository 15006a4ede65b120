// The header: where one is, where one can go, how the link to the server stands, and who one is.

import { useEffect, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./components/basics";
import { Mark } from "./components/icons";
import { tell } from "./components/toast";
import { place } from "./lib/router";
import { choose, theme } from "./lib/theme";
import { failures, link, may, me, signOut } from "./store";
import { DOORS, type Door } from "./views";

export function Header() {
  const known = Boolean(me.value);
  return (
    <header class="bar">
      <div class="bar-in">
        <a class="brand" href="/" aria-label="Dalston, jobs">
          <Mark />
          <span>Dalston</span>
        </a>
        {known ? <Nav /> : <span class="grow" />}
        <div class="row bar-side">
          {known && <LinkState />}
          <ThemeButton />
          {known && <Who />}
        </div>
      </div>
      {me.value?.auth === "open" && (
        <p class="unseen">No keys: whoever reaches this machine may do everything here.</p>
      )}
    </header>
  );
}

function Nav() {
  const { path } = place.value;
  const here = useRef<HTMLAnchorElement>(null);
  useEffect(() => here.current?.scrollIntoView({ block: "nearest", inline: "nearest" }), []);
  return (
    <nav aria-label="Main" class="nav">
      {DOORS.filter((door) => !door.scope || may(door.scope)).map((door) => (
        <a
          key={door.href}
          href={door.href}
          ref={within(door, path) ? here : undefined}
          aria-current={within(door, path) ? "page" : undefined}
        >
          {door.label}
        </a>
      ))}
    </nav>
  );
}

function within({ href, also = [] }: Door, path: string): boolean {
  const starts = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
  return path === href || (href !== "/" && starts(href)) || also.some(starts);
}

const WORDS = { joining: "Connecting", live: "Live", late: "Catching up", away: "Not connected" };
const TITLES = {
  joining: "The page is being connected to the server.",
  live: "What you see is as it is now.",
  late: "Events that were missed are on their way; nothing is lost.",
  away: "The server cannot be reached. The page tries again by itself and then catches up.",
};

function LinkState() {
  const state = link.value;
  return (
    <p class="link" data-state={state} role="status" title={TITLES[state]}>
      <span class="dot" aria-hidden="true" />
      <span class="link-words">{WORDS[state]}</span>
      {failures.value > 2 && <span class="unseen">, trying again</span>}
    </p>
  );
}

function ThemeButton() {
  const now = theme.value;
  const next = { system: "light", light: "dark", dark: "system" } as const;
  const icon = { system: "screen", light: "sun", dark: "moon" } as const;
  const name = { system: "as the system has it", light: "light", dark: "dark" };
  return (
    <IconButton
      icon={icon[now]}
      name={`Theme: ${name[now]}. Change to ${name[next[now]]}`}
      onClick={() => choose(next[now])}
    />
  );
}

function Who() {
  const [open, set] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      const escaped = event instanceof KeyboardEvent && event.key === "Escape";
      if (
        escaped ||
        (event.type === "pointerdown" && !box.current?.contains(event.target as Node))
      ) {
        set(false);
        if (escaped) box.current?.querySelector("button")?.focus();
      }
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("keydown", away);
    };
  }, [open]);
  const who = me.value;
  if (!who) return null;
  const isOpen = who.auth === "open";
  const leave = () => signOut().catch((error: Error) => tell(error.message, "red"));
  return (
    <div class="who" ref={box}>
      <button
        type="button"
        class="who-button"
        aria-expanded={open}
        aria-controls="who"
        onClick={() => set(!open)}
      >
        <span class={isOpen ? "who-open" : undefined}>
          {isOpen ? "Open" : who.name || who.tenant}
        </span>
      </button>
      {open && (
        <div class="who-panel" id="who">
          {isOpen ? (
            <p>
              <strong>No keys are asked for.</strong> Anybody on this machine may see and do
              everything here. The server listens to this machine only.
            </p>
          ) : (
            <dl class="facts">
              <div>
                <dt>Key</dt>
                <dd>
                  {who.name || "without a name"}
                  {who.key && <span class="mono dim"> {who.key}…</span>}
                </dd>
              </div>
              <div>
                <dt>Tenant</dt>
                <dd>{who.tenant}</dd>
              </div>
              <div>
                <dt>May</dt>
                <dd>{who.scopes.join(", ")}</dd>
              </div>
            </dl>
          )}
          {who.auth === "session" && (
            <Button icon="out" onClick={leave}>
              Sign out
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
