// The small parts that every view is made of.

import type { ComponentChildren, JSX } from "preact";
import type { Problem } from "../api/client";
import { exact, lasting, moment } from "../lib/format";
import { Icon, type IconName } from "./icons";

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "icon"> & {
  /** main: the one thing to do here. danger: what cannot be undone. quiet: beside other things. */
  look?: "plain" | "main" | "quiet" | "danger";
  icon?: IconName;
  /** Shown instead of what it does while that goes on; it cannot be pressed again. */
  busy?: string | false;
  small?: boolean;
};

export function Button({ look = "plain", icon, busy, small, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`button ${look}${small ? " little" : ""} ${rest.class ?? ""}`}
      aria-busy={busy ? true : undefined}
      disabled={rest.disabled || Boolean(busy)}
    >
      {busy ? <Spinner /> : icon && <Icon name={icon} />}
      {busy || children}
    </button>
  );
}

/** A link that looks like a button, for what has an address. */
export function ButtonLink({
  look = "plain",
  icon,
  small,
  children,
  ...rest
}: Omit<JSX.IntrinsicElements["a"], "icon"> & Pick<ButtonProps, "look" | "icon" | "small">) {
  return (
    <a {...(rest as object)} class={`button ${look}${small ? " little" : ""}`}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

/** A button with only a picture; its name is for screen readers and the tip. */
export function IconButton({
  icon,
  name,
  ...rest
}: { icon: IconName; name: string } & Omit<JSX.IntrinsicElements["button"], "icon" | "name">) {
  return (
    <button
      type="button"
      title={name}
      {...rest}
      aria-label={name}
      class={`button icon-only ${rest.class ?? ""}`}
    >
      <Icon name={icon} />
    </button>
  );
}

export function Spinner() {
  return <span class="spinner" aria-hidden="true" />;
}

export type Tone = "green" | "blue" | "amber" | "red" | "none";

/** A word on a coloured ground; the dot moves while something is at work. */
export function Badge({
  tone = "none",
  moving,
  children,
}: {
  tone?: Tone;
  moving?: boolean;
  children: ComponentChildren;
}) {
  return (
    <span class="badge" data-tone={tone} data-moving={moving || undefined}>
      {children}
    </span>
  );
}

/** How far something is, 0 to 1; undefined while nobody knows. */
export function Progress({
  value,
  label,
  tone = "blue",
}: {
  value: number | undefined;
  label: string;
  tone?: Tone;
}) {
  return (
    <div
      class="progress"
      data-tone={tone}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === undefined ? undefined : Math.round(value * 100)}
      data-unknown={value === undefined || undefined}
    >
      <span ref={(node) => node?.style.setProperty("--part", String(value ?? 0))} />
    </div>
  );
}

/** Something that has to be said where it belongs. */
export function Notice({
  tone = "amber",
  icon,
  children,
  alert,
}: {
  tone?: Tone;
  icon?: IconName;
  children: ComponentChildren;
  alert?: boolean;
}) {
  const picture =
    icon ?? (tone === "red" || tone === "amber" ? "warning" : tone === "green" ? "check" : "info");
  return (
    <div class="notice" data-tone={tone} role={alert ? "alert" : undefined}>
      <Icon name={picture} />
      <div class="grow wrap">{children}</div>
    </div>
  );
}

/** Nothing here yet: what it is, and how something comes to be here. */
export function Empty({
  title,
  icon,
  children,
  action,
}: {
  title: string;
  icon?: IconName;
  children?: ComponentChildren;
  action?: ComponentChildren;
}) {
  return (
    <div class="empty">
      {icon && (
        <span class="empty-icon">
          <Icon name={icon} size={24} />
        </span>
      )}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action && <div class="row">{action}</div>}
    </div>
  );
}

/** What went wrong, in the server's words, and a way to try again. */
export function ErrorState({
  problem,
  retry,
  title = "That did not work",
}: {
  problem: Problem | Error;
  retry?: () => void;
  title?: string;
}) {
  return (
    <div class="empty" role="alert" data-tone="red">
      <span class="empty-icon">
        <Icon name="warning" size={24} />
      </span>
      <h2>{title}</h2>
      <p class="wrap">{problem.message}</p>
      {retry && (
        <Button icon="again" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** A place kept for what is on the way, as high as that will be. */
export function Skeleton({ lines = 3, height = 20 }: { lines?: number; height?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} style={{ height: `${height}px`, width: `${100 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

/** A moment as people say it; the exact one in its title. */
export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exact(at)}>
      {moment(at)}
    </time>
  );
}

/** How long something took. */
export function Took({ seconds }: { seconds: number | null | undefined }) {
  return <span class="num">{lasting(seconds)}</span>;
}

/** A name and its value, in a list of them (`<dl class="facts">`). */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A part of a page with its title, and what can be done with it at the right. */
export function Card({
  title,
  side,
  children,
  id,
  flush,
}: {
  title?: string;
  side?: ComponentChildren;
  children: ComponentChildren;
  id?: string;
  flush?: boolean;
}) {
  return (
    <section class={`card${flush ? " flush" : ""}`} aria-label={title} id={id}>
      {title && (
        <header class="card-head">
          <h2>{title}</h2>
          {side && <div class="row">{side}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** The head of a view: its title, a line about it, and what can be done. */
export function Head({
  title,
  line,
  children,
  back,
}: {
  title: string;
  line?: ComponentChildren;
  children?: ComponentChildren;
  back?: { href: string; to: string };
}) {
  return (
    <header class="head">
      {back && (
        <a class="back" href={back.href}>
          <Icon name="back" size={12} />
          {back.to}
        </a>
      )}
      <div class="row apart">
        <div class="head-title">
          <h1 tabIndex={-1} class="wrap">
            {title}
          </h1>
          {line && <div class="head-line">{line}</div>}
        </div>
        {children && <div class="row">{children}</div>}
      </div>
    </header>
  );
}
