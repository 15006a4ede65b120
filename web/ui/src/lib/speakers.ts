// Who is who: eight colours that hold in both themes and for people who see fewer of them.

/** The token of the n-th speaker's colour, as CSS; the letters beside it say the same without it. */
export function speakerColour(index: number): string {
  return `var(--sp${(Math.max(0, index) % 8) + 1})`;
}

/** What the index calls a speaker without a name is S1; the page of the job says Speaker 1. */
export function speakerName(name: string): string {
  return name.replace(/^S(\d+)$/, "Speaker $1");
}

/** Two letters for a name: "SPEAKER_01" is 1, "Ada Lovelace" is AL. */
export function initials(name: string): string {
  const digits = /^(?:speaker|spk|s)[ _-]*0*(\d+)$/i.exec(name.trim());
  if (digits) return digits[1] ?? "";
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...(word ?? "")][0]?.toUpperCase() ?? "").join("");
}
