// Who is who in a transcript: names and colours, in the order in which they first talk. Pure.

import { speakerColour } from "../lib/speakers";
import type { Transcript } from "./transcript";

export interface Person {
  id: string;
  /** The name that people gave, or that the transcript has; else "Speaker 1". */
  name: string;
  /** Whether somebody gave it. */
  named: boolean;
  colour: string;
}

export type People = Map<string, Person>;

export function peopleOf(
  transcript: Transcript | undefined,
  names: Record<string, string>,
): People {
  const people: People = new Map();
  for (const [i, { id, name }] of (transcript?.speakers ?? []).entries()) {
    const given = names[id] ?? name ?? "";
    const own = given && given !== id ? given : "";
    people.set(id, {
      id,
      name: own || `Speaker ${i + 1}`,
      named: Boolean(own),
      colour: speakerColour(i),
    });
  }
  return people;
}
