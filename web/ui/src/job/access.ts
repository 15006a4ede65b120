// How the parts of a job are reached: as who is signed in, or by a link that was shared.

import { address, send } from "../api/client";
import type { JobView } from "../api/types";
import { adopt, may } from "../store";

export interface Access {
  id: string;
  /** The token of a link that was shared: it lets one read this job, and nothing else. */
  share?: string;
}

type Query = Record<string, string | number | undefined>;

/** The address of a part of a job: `partOf(access, "/audio", { track: 0 })`. */
export function partOf({ id, share }: Access, part: string, query: Query = {}): string {
  return address(`/v1/jobs/{id}${part}`, { id }, { ...query, share });
}

/** JSON of a part of a job. */
export function read<T>(
  access: Access,
  part: string,
  query: Query = {},
  signal?: AbortSignal,
): Promise<T> {
  return send<T>("GET", partOf(access, part, query), { signal });
}

/** Whether whoever looks may change this job. */
export function mayWrite({ share }: Access): boolean {
  return share === undefined && may("write");
}

/** Do something to a job, and show what became of it. */
export async function change(
  access: Access,
  method: string,
  part: string,
  json?: unknown,
): Promise<JobView> {
  const view = await send<JobView>(method, partOf(access, part), { json });
  if (view?.id === access.id) adopt(view);
  return view;
}

/** The address of a moment, to be given away. */
export function momentLink({ id, share }: Access, seconds: number): string {
  const place = share === undefined ? `/jobs/${id}` : `/shared/${id}`;
  const url = new URL(place, location.origin);
  if (seconds > 0) url.searchParams.set("t", String(Math.round(seconds * 10) / 10));
  if (share !== undefined) url.hash = share;
  return url.href;
}
