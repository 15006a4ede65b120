// What the engines that are up can do, for the choices that people have.

import type { EngineView } from "../api/types";

/** Languages that nearly every multilingual model knows, beside those that engines name. */
const COMMON =
  "ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt ro ru sk sl sr sv ta te th tr uk ur vi zh";
const GIVEN: Record<string, string> = {
  diarize: "speakers",
  emotion: "emotion",
  language: "language",
};

export interface Choice {
  value: string;
  text: string;
}

/** Whether somebody who is up does this stage, or gives what comes of it on the way. */
export function canDo(engines: EngineView[], stage: string): boolean {
  return engines.some((engine) =>
    engine.replicas.some(
      (one) =>
        // One that has no model yet is up, and refuses all the same.
        (!one.needs_model || Boolean(one.default_model)) &&
        (engine.stage === stage ||
          (engine.stage === "transcribe" &&
            (one.gives?.[""] ?? []).includes(GIVEN[stage] ?? "\0"))),
    ),
  );
}

/** Who may transcribe, and with which model: "engine|model". */
export function models(engines: EngineView[]): Choice[] {
  const found: Choice[] = [];
  for (const { name, stage, replicas } of engines) {
    if (stage !== "transcribe" || !replicas.length) continue;
    const known = replicas.flatMap((one) => [
      ...(one.models ?? []),
      ...(one.loaded ?? []),
      ...Object.keys(one.languages ?? {}),
    ]);
    const names = [...new Set(known)].filter(Boolean);
    if (!names.length) found.push({ value: `${name}|`, text: name });
    for (const model of names)
      found.push({ value: `${name}|${model}`, text: `${model} (${name})` });
  }
  return found;
}

/** Codes of languages, each with its name, in the order of names. */
export function languages(engines: EngineView[]): Choice[] {
  const named = engines.flatMap((engine) =>
    engine.replicas.flatMap((one) => Object.values(one.languages ?? {}).flat()),
  );
  return [...new Set([...COMMON.split(" "), ...named])]
    .map((value) => ({ value, text: languageName(value) }))
    .sort((a, b) => a.text.localeCompare(b.text));
}

const names = new Intl.DisplayNames(["en"], { type: "language" });

/** "de" as German; what is no code of a language stays as it is. */
export function languageName(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}
