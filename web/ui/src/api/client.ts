// The HTTP API, typed by its own description: every error comes as a Problem for people to read.

import { signal } from "@preact/signals";
import type { paths } from "./schema";

/** What went wrong, in the server's words; status 0 when it cannot be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly type = "",
  ) {
    super(message);
  }
}

/** Counts the answers that said 401: who is signed in has to be asked again. */
export const refused = signal(0);

type Query = Record<string, string | number | boolean | null | undefined>;

export interface Options {
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** `/v1/jobs/{id}` and `{id}` filled in, with what is not empty of a query behind. */
export function address(
  path: string,
  params: Record<string, string | number> = {},
  query: Query = {},
) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${filled}?${text}` : filled;
}

/** Any request; rejects with a Problem (or an AbortError) and with nothing else. */
export async function request(
  method: string,
  path: string,
  options: Options = {},
): Promise<Response> {
  const { query, json, headers, ...rest } = options;
  let reply: Response;
  try {
    reply = await fetch(address(path, {}, query), {
      ...rest,
      method,
      credentials: "same-origin",
      ...(json === undefined
        ? { headers }
        : {
            headers: { "Content-Type": "application/json", ...headers },
            body: JSON.stringify(json),
          }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached. Is it running, and are you online?");
  }
  if (reply.ok) return reply;
  if (reply.status === 401) refused.value += 1;
  throw problemOf(reply.status, await reply.text().catch(() => ""));
}

/** The problem that an answer's body tells of. */
export function problemOf(status: number, text: string): Problem {
  try {
    const { detail, title, type } = JSON.parse(text);
    return new Problem(status, detail ?? title, type);
  } catch {
    return new Problem(status, `The server answered ${status}.`);
  }
}

/** JSON of any request; null for an empty answer. */
export async function send<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const text = await (await request(method, path, options)).text();
  return (text ? JSON.parse(text) : null) as T;
}

type Gets = { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths];
type Get<P extends Gets> = paths[P]["get"];
type Json<T> = T extends { content: { "application/json": infer V } } ? V : never;
type Answer<P extends Gets> = Get<P> extends { responses: { 200: infer R } } ? Json<R> : never;
type Asked<P extends Gets> =
  Get<P> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : Query;
type Named<P extends Gets> = Get<P> extends { parameters: { path: infer N } } ? N : undefined;

interface Ask<P extends Gets> {
  path?: Named<P>;
  query?: Asked<P>;
  signal?: AbortSignal;
}

/** What a documented GET answers: `get("/v1/jobs/{id}", { path: { id } })`. */
export function get<P extends Gets>(path: P, ask: Ask<P> = {}): Promise<Answer<P>> {
  const { path: named, query, signal } = ask;
  return send("GET", address(path, named as Record<string, string>, query as Query), { signal });
}
