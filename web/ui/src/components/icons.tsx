// Icons on a grid of 16, drawn with the pen that the text has; they say nothing to a screen reader.

const PATHS = {
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14",
  upload: "M8 11V3M4.5 6 8 2.5 11.5 6M2.5 11v2.5h11V11",
  download: "M8 2.5V11M4.5 7.5 8 11l3.5-3.5M2.5 13.5h11",
  link: "M6.5 9.5 9.5 6.5M7 4.5l1-1a3 3 0 0 1 4.5 4.5l-1 1M9 11.5l-1 1A3 3 0 0 1 3.5 8l1-1",
  share: "M8 10V2M5 4.5 8 1.5l3 3M3.5 7.5v6h9v-6",
  play: "M4.5 2.5v11l9-5.5Z",
  pause: "M5 3v10M11 3v10",
  back: "M10 3 5 8l5 5",
  next: "M6 3l5 5-5 5",
  down: "M3 6l5 5 5-5",
  folder: "M1.5 12.5v-9h4.5L7.5 5h7v7.5Z",
  file: "M3.5 1.5h6l3 3v10h-9ZM9 1.5V5h3.5",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z",
  screen: "M1.5 2.5h13v8.5h-13ZM5.5 14h5M8 11v3",
  edit: "M2.5 13.5 3 10.5 10.5 3 13 5.5 5.5 13Z",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  again: "M13.5 8A5.5 5.5 0 1 1 11.5 3.7M13.5 1.5v3h-3",
  warning: "M8 2 14.5 13.5h-13ZM8 6.5v3.2M8 11.6v.1",
  info: "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM8 7.2v4M8 4.8v.1",
  clock: "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM8 4.5V8l2.5 1.8",
  menu: "M2 4.5h12M2 8h12M2 11.5h12",
  out: "M6 2.5H2.5v11H6M10 4.5 13.5 8 10 11.5M13.5 8H6",
  key: "M10 9.5a4 4 0 1 0-3.7-2.5L1.5 11.8v2.7h2.7v-2h2v-2l1.1-1.1c.8.3 1.7.3 2.7.1ZM10.8 5.2v.01",
  trash: "M2.5 4h11M6 4V2h4v2M4 4l.7 10h6.6L12 4M6.7 7v4M9.3 7v4",
  stop: "M3.5 3.5h9v9h-9Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      class="icon"
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill={name === "play" ? "currentColor" : "none"}
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: five bars of a voice. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg aria-hidden="true" class="mark" viewBox="0 0 24 24" width={size} height={size}>
      <path d="M3 10v4M7.5 5v14M12 8v8M16.5 3v18M21 10v4" />
    </svg>
  );
}
