// Emotions: a colour each, which never stands without its word.

const COLOURS: Record<string, string> = {
  neutral: "var(--mood-neutral)",
  calm: "var(--mood-neutral)",
  happy: "var(--mood-happy)",
  sad: "var(--mood-sad)",
  angry: "var(--mood-angry)",
  fearful: "var(--mood-fear)",
  surprised: "var(--mood-surprise)",
  disgusted: "var(--mood-disgust)",
};

export function moodColour(label: string): string {
  return COLOURS[label.toLowerCase()] ?? "var(--edge)";
}
