// What is around every view: the header, the view itself once it is loaded, and what is told.

import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Empty, ErrorState } from "./components/basics";
import { Toasts } from "./components/toast";
import { Header } from "./header";
import { go, matched, place, type View, type ViewProps } from "./lib/router";
import { link, me } from "./store";
import { VIEWS } from "./views";

interface Shown {
  view: View;
  Body: ComponentType<ViewProps>;
}

const loaded = new Map<View, ComponentType<ViewProps>>();

export function Shell() {
  const { path, query } = place.value;
  const found = find(path);
  const [shown, show] = useState<Shown | null>(null);
  const [broken, setBroken] = useState<Error | null>(null);
  const main = useRef<HTMLElement>(null);
  const wanted = found?.view;

  useEffect(() => {
    let gone = false;
    setBroken(null);
    if (!wanted) show(null);
    else {
      const known = loaded.get(wanted);
      if (known) show({ view: wanted, Body: known });
      else
        wanted.load().then(
          (module) => {
            loaded.set(wanted, module.default);
            if (!gone) show({ view: wanted, Body: module.default });
          },
          (error: Error) => gone || setBroken(error),
        );
    }
    return () => {
      gone = true;
    };
  }, [wanted]);

  useReturn(broken !== null);

  // Whoever reads by ear is told that it is another page now; the first one is read by itself.
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the place that matters
  useEffect(() => {
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [path]);

  const closed = me.value === null && wanted && !wanted.public;
  useEffect(() => {
    if (closed)
      go(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`, {
        replace: true,
      });
  }, [closed]);

  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: the hash of an address of ours names a moment or a token */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <Header />
      <main id="main" tabIndex={-1} ref={main}>
        {broken ? (
          <ErrorState
            title="This part of the page could not be loaded"
            problem={new Error("Dalston may have been updated meanwhile, or the server is away.")}
            retry={() => location.reload()}
          />
        ) : !found ? (
          <Empty
            title="There is no such page"
            icon="search"
            action={<Button onClick={() => go("/")}>To the jobs</Button>}
          >
            {`Nothing is at ${path}. The address may be mistyped, or from another version.`}
          </Empty>
        ) : (
          shown?.view === wanted &&
          shown &&
          !closed &&
          (me.value || shown.view.public) && (
            <shown.Body key={shown.view.pattern} params={found.params} query={query} />
          )
        )}
      </main>
      <Toasts />
    </>
  );
}

/** Reload once the server is back, where a part of the page could not be loaded while it was away. */
function useReturn(broken: boolean): void {
  const now = link.value;
  const away = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a signal's value is news each time
  useEffect(() => {
    if (!broken) away.current = false;
    else if (now === "away") away.current = true;
    // Only after it was away: a part that is missing for good would reload for ever.
    else if (now === "live" && away.current) location.reload();
  }, [broken, now]);
}

function find(path: string): { view: View; params: Record<string, string> } | null {
  for (const view of VIEWS) {
    const params = matched(view.pattern, path);
    if (params) return { view, params };
  }
  return null;
}
