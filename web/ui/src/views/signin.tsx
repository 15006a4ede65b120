// Sign in with a key; the browser then holds a session that no script can read.

import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api/client";
import { Button, Skeleton } from "../components/basics";
import { TextField } from "../components/forms";
import { Mark } from "../components/icons";
import "../styles/signin.css";
import { go, type ViewProps } from "../lib/router";
import { useTitle } from "../lib/use";
import { me, signIn } from "../store";

export default function Signin({ query }: ViewProps) {
  useTitle("Sign in");
  const next = inside(query.get("next"));
  const known = me.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a signal's value is news each time
  useEffect(() => {
    if (known) go(next, { replace: true });
  }, [known, next]);
  if (known === undefined) return <Skeleton lines={3} height={36} />;
  return (
    <div class="signin">
      <div class="card signin-card">
        <Mark size={40} />
        <h1>Sign in</h1>
        <p class="dim">
          This Dalston wants a key. The first one was shown when it first started; more are made
          with <code>dalston keys make</code> or on the page of keys.
        </p>
        <KeyForm />
      </div>
    </div>
  );
}

function KeyForm() {
  const [key, setKey] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await signIn(key.trim());
    } catch (problem) {
      setError(said(problem));
      setBusy(false);
    }
  };
  return (
    <form class="stack" onSubmit={submit}>
      <TextField
        label="Key"
        type="password"
        name="key"
        autoComplete="current-password"
        spellcheck={false}
        placeholder="dk_…"
        required
        value={key}
        error={error}
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <Button type="submit" look="main" busy={busy && "Signing in"}>
        Sign in
      </Button>
    </form>
  );
}

function said(problem: unknown): string {
  if (!(problem instanceof Problem)) return String(problem);
  if (problem.status !== 401) return problem.message;
  // What follows in it is for programs.
  return `${problem.message.split(". ")[0]}. Is all of it there, and is it neither expired nor revoked?`;
}

/** Where to go on: only to a path of this page, never to another site. */
function inside(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith("/signin") ? next : "/";
}
