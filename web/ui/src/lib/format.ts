// Values as people read them; `undefined` and `null` are a dash.

const DASH = "–";
type Maybe = number | null | undefined;

/** Seconds as 2:03 or 1:02:03: a place in audio. */
export function clock(seconds: Maybe, tenths = false): string {
  if (seconds === null || seconds === undefined) return DASH;
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  const text = h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  return tenths ? `${text}.${Math.floor((Math.max(0, seconds) % 1) * 10)}` : text;
}

/** Seconds as 40 ms, 0.4 s, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h: how long something takes. */
export function lasting(seconds: Maybe): string {
  if (seconds === null || seconds === undefined) return DASH;
  if (!seconds) return "0 s";
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, "min", "s");
  if (whole < 86400) return pair(Math.round(whole / 60), 60, "h", "min");
  return pair(Math.round(whole / 3600), 24, "d", "h");
}

function pair(n: number, per: number, big: string, small: string): string {
  const rest = n % per;
  return rest ? `${Math.floor(n / per)} ${big} ${rest} ${small}` : `${n / per} ${big}`;
}

/** Bytes as 12 MB. */
export function bytes(count: Maybe): string {
  if (count === null || count === undefined) return DASH;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [n, unit] = [count, 0];
  while (n >= 999.5 && unit < units.length - 1) [n, unit] = [n / 1000, unit + 1];
  return `${unit && n < 9.95 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

/** 0 to 1 as 42 %. */
export function percent(fraction: Maybe): string {
  return fraction === null || fraction === undefined ? DASH : `${Math.round(fraction * 100)} %`;
}

/** 12345 as 12,345. */
export function count(n: Maybe): string {
  return n === null || n === undefined ? DASH : n.toLocaleString("en");
}

/** One of a thing, or many: `plural(2, "job")` is "2 jobs". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A time of today as 14:03, of another day with its date. */
export function moment(text: string, now = new Date()): string {
  const then = new Date(text);
  const time = then.toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  if (then.toDateString() === now.toDateString()) return time;
  const year = then.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return `${then.toLocaleDateString([], { day: "numeric", month: "short", year })}, ${time}`;
}

/** A time to the second, with its date: for titles and details. */
export function exact(text: string): string {
  return new Date(text).toLocaleString([], {
    dateStyle: "medium",
    timeStyle: "medium",
    hourCycle: "h23",
  });
}

/** Seconds between two times; undefined while one is missing. */
export function between(from?: string | null, to?: string | null): number | undefined {
  return from && to ? (Date.parse(to) - Date.parse(from)) / 1000 : undefined;
}
