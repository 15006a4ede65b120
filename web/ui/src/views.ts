// The table of views: each is a module of its own, loaded when somebody goes there.
//
// The live view of a microphone session has its place here once sessions come with live audio:
//   { pattern: "/live/:id?", title: "Live", load: () => import("./views/live") }

import type { View } from "./lib/router";

export const VIEWS: View[] = [
  { pattern: "/", title: "Jobs", load: () => import("./views/jobs") },
  { pattern: "/jobs/:id", title: "Job", load: () => import("./views/job") },
  { pattern: "/jobs/:id/replay", title: "Replay", load: () => import("./views/replay") },
  { pattern: "/search", title: "Search", load: () => import("./views/search") },
  { pattern: "/engines", title: "Engines", load: () => import("./views/engines") },
  { pattern: "/parked", title: "Parked", load: () => import("./views/parked") },
  { pattern: "/events", title: "Events", load: () => import("./views/events") },
  { pattern: "/analytics/:query?", title: "Analytics", load: () => import("./views/analytics") },
  { pattern: "/sql", title: "SQL", load: () => import("./views/sql") },
  { pattern: "/keys", title: "Keys", load: () => import("./views/keys") },
  { pattern: "/signin", title: "Sign in", load: () => import("./views/signin"), public: true },
  { pattern: "/shared/:id", title: "Shared", load: () => import("./views/shared"), public: true },
];

export interface Door {
  href: string;
  label: string;
  /** Paths that belong to it, by their beginnings. */
  also?: string[];
  scope?: "admin";
}

/** What the header leads to. */
export const DOORS: Door[] = [
  { href: "/", label: "Jobs", also: ["/jobs"] },
  { href: "/search", label: "Search" },
  { href: "/engines", label: "Engines", also: ["/parked"] },
  { href: "/events", label: "Events" },
  { href: "/analytics", label: "Analytics", also: ["/sql"] },
  { href: "/keys", label: "Keys", scope: "admin" },
];
