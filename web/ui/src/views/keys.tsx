// API keys: who may ask, for which tenant, for what, until when; made and taken back here.

import { useState } from "preact/hooks";
import { get, Problem, send } from "../api/client";
import type { components } from "../api/schema";
import {
  Badge,
  Button,
  Card,
  Empty,
  ErrorState,
  Head,
  Notice,
  Skeleton,
  When,
} from "../components/basics";
import { Dialog } from "../components/dialog";
import { tell } from "../components/toast";
import { MakeDialog } from "../keys/make";
import { standing } from "../keys/standing";
import { useLoad, useTitle } from "../lib/use";
import { may, me } from "../store";
import "../ops/ops.css";

type Key = components["schemas"]["KeyView"];

export default function Keys() {
  useTitle("Keys");
  const admin = may("admin");
  const { value, problem, reload } = useLoad(
    async (signal) => (admin ? get("/v1/keys", { signal }) : undefined),
    [admin],
  );
  const [making, make] = useState(false);
  const [revoked, revoke] = useState<Key | null>(null);
  const keys = value?.keys ?? [];
  return (
    <div class="view">
      <Head title="Keys" line="Each program and each person gets a key of its own.">
        {admin && (
          <Button look="main" icon="plus" onClick={() => make(true)}>
            Make a key
          </Button>
        )}
      </Head>
      {me.value?.auth === "open" && (
        <Notice tone="amber">
          Nobody needs a key here yet: whoever reaches this machine may do everything. Start with{" "}
          <code>dalston up --keys</code>, and these keys are asked for.
        </Notice>
      )}
      {!admin ? (
        <Empty title="These are for an admin to see" icon="key">
          Your key may not make or revoke others. Sign in with an admin's key, or ask an admin for
          what you need.
        </Empty>
      ) : !value ? (
        problem ? (
          <ErrorState problem={problem} retry={reload} />
        ) : (
          <Skeleton lines={5} height={32} />
        )
      ) : keys.length ? (
        <Card flush>
          <Table keys={keys} revoke={revoke} />
        </Card>
      ) : (
        <Empty title="There is no key yet" icon="key">
          Make one for each program that uses the API, so that it can be taken back alone.
        </Empty>
      )}
      {making && (
        <MakeDialog
          close={() => {
            make(false);
            reload();
          }}
        />
      )}
      {revoked && (
        <RevokeDialog
          one={revoked}
          close={() => {
            revoke(null);
            reload();
          }}
        />
      )}
    </div>
  );
}

function Table({ keys, revoke }: { keys: Key[]; revoke: (one: Key) => void }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section class="table-box" tabIndex={0} aria-label="Keys">
      <table class="table">
        <thead>
          <tr>
            {["Name", "Begins with", "Tenant", "May", "Made", "Last used", "State"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <th scope="col">
              <span class="unseen">What can be done</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((one) => {
            const { word, tone, ends } = standing(one, Date.now());
            return (
              <tr key={one.id}>
                <th scope="row">{one.name}</th>
                <td>
                  <code>{one.prefix}…</code>
                </td>
                <td>{one.tenant}</td>
                <td>{one.scopes.join(", ")}</td>
                <td>
                  <When at={one.created_at} />
                </td>
                <td>{one.last_used_at ? <When at={one.last_used_at} /> : "never"}</td>
                <td>
                  <Badge tone={tone}>{word}</Badge>
                  {ends && (
                    <span class="dim tiny">
                      {" "}
                      <When at={ends} />
                    </span>
                  )}
                </td>
                <td>
                  {!one.revoked_at && (
                    <Button small look="danger" onClick={() => revoke(one)}>
                      Revoke<span class="unseen"> {one.name}</span>
                    </Button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function RevokeDialog({ one, close }: { one: Key; close: () => void }) {
  const [busy, work] = useState(false);
  const revoke = async () => {
    work(true);
    try {
      await send("DELETE", `/v1/keys/${one.id}`);
      tell(`${one.name} is revoked.`);
      close();
    } catch (error) {
      tell(error instanceof Problem ? error.message : String(error), "red");
      work(false);
    }
  };
  return (
    <Dialog
      open
      title={`Revoke ${one.name}?`}
      close={close}
      foot={
        <>
          <Button onClick={close}>Keep it</Button>
          <Button look="danger" busy={busy && "Revoking"} onClick={() => void revoke()}>
            Revoke
          </Button>
        </>
      }
    >
      <p>
        Whatever uses <code>{one.prefix}…</code> is refused from now on, and its open pages and
        sockets end within seconds. This cannot be taken back.
      </p>
    </Dialog>
  );
}
