// A new key: what it is for and what it may do; its secret is shown this one time.

import { useState } from "preact/hooks";
import { Problem, send } from "../api/client";
import type { components } from "../api/schema";
import { Button, Notice } from "../components/basics";
import { Dialog } from "../components/dialog";
import { Check, Select, TextField } from "../components/forms";
import { tell } from "../components/toast";
import { me } from "../store";

type Made = components["schemas"]["MadeKey"];

const SCOPES = [
  ["read", "Read", "See jobs, transcripts, events and analytics of its tenant."],
  ["write", "Write", "Send audio, correct, retry, cancel, erase and share."],
  ["admin", "Admin", "Make and revoke keys, drain engines, see every tenant's queue."],
] as const;
const LASTS = [
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "A year"],
  ["", "For ever"],
] as const;

export function MakeDialog({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [tenant, setTenant] = useState(me.value?.tenant ?? "default");
  const [scopes, setScopes] = useState<string[]>(["read", "write"]);
  const [days, setDays] = useState("365");
  const [error, say] = useState("");
  const [busy, work] = useState(false);
  const [made, take] = useState<Made | null>(null);
  if (made) return <MadeDialog made={made} close={close} />;
  const make = async (event: Event) => {
    event.preventDefault();
    work(true);
    say("");
    const until = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
    try {
      const json = { name: name.trim(), tenant: tenant.trim() || null, scopes, expires_at: until };
      take(await send<Made>("POST", "/v1/keys", { json }));
    } catch (problem) {
      say(problem instanceof Problem ? problem.message : String(problem));
    }
    work(false);
  };
  return (
    <Dialog
      open
      title="Make a key"
      close={close}
      foot={
        <>
          <Button onClick={close}>Leave it</Button>
          <Button
            look="main"
            type="submit"
            form="make-key"
            busy={busy && "Making"}
            disabled={!(name.trim() && scopes.length)}
          >
            Make it
          </Button>
        </>
      }
    >
      <form id="make-key" class="stack" onSubmit={(event) => void make(event)}>
        <TextField
          label="What it is for"
          placeholder="the podcast importer"
          maxLength={100}
          required
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        {SCOPES.map(([scope, label, hint]) => (
          <Check
            key={scope}
            label={label}
            hint={hint}
            checked={scopes.includes(scope)}
            onChange={(event) => {
              const others = scopes.filter((one) => one !== scope);
              setScopes(event.currentTarget.checked ? [...others, scope] : others);
            }}
          />
        ))}
        <TextField
          label="Tenant"
          hint="Whose jobs it sees; nobody sees another tenant's."
          value={tenant}
          maxLength={64}
          onInput={(event) => setTenant(event.currentTarget.value)}
        />
        <Select
          label="It is good for"
          value={days}
          options={[...LASTS]}
          onChange={(event) => setDays(event.currentTarget.value)}
        />
        {error && (
          <Notice tone="red" alert>
            {error}
          </Notice>
        )}
      </form>
    </Dialog>
  );
}

function MadeDialog({ made, close }: { made: Made; close: () => void }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(made.secret);
      tell("The key is copied.");
    } catch {
      tell("The browser does not let the page copy: select the key and copy it.", "amber");
    }
  };
  return (
    <Dialog
      open
      title={`The key for ${made.key.name}`}
      close={close}
      foot={
        <>
          <Button icon="link" onClick={() => void copy()}>
            Copy
          </Button>
          <Button look="main" onClick={close}>
            I have it
          </Button>
        </>
      }
    >
      <p>
        <code class="wrap secret">{made.secret}</code>
      </p>
      <Notice tone="amber">It is shown this one time: only a digest of it is kept.</Notice>
    </Dialog>
  );
}
