// Light or dark: as the system has it, unless somebody chose; the choice is kept.

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const NAME = "dalston.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>(stored());
/** What it comes to now; charts and waveforms are drawn anew when it changes. */
export const shade = signal<"light" | "dark">(shadeOf(theme.value));

function stored(): Theme {
  try {
    const text = localStorage.getItem(NAME);
    return text === "light" || text === "dark" ? text : "system";
  } catch {
    return "system";
  }
}

function shadeOf(wanted: Theme): "light" | "dark" {
  return wanted === "system" ? (dark.matches ? "dark" : "light") : wanted;
}

function apply(): void {
  shade.value = shadeOf(theme.value);
  document.documentElement.dataset.theme = shade.value;
}

/** Put the theme on the page, and follow the system. */
export function dress(): void {
  dark.addEventListener("change", apply);
  apply();
}

export function choose(wanted: Theme): void {
  theme.value = wanted;
  try {
    if (wanted === "system") localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, wanted);
  } catch {
    // Without storage it holds until the page is loaded again.
  }
  apply();
}

/** A colour of the tokens as it is now, for canvases: `colour("blue")`. */
export function colour(token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
