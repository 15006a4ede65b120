// Who is there to do the work, and what waits for them.

import { call } from "./api.js";
import { badge } from "./job.js";
import { el, section } from "./dom.js";

const EVERY_MS = 3000;

/** A card that keeps itself current until it is closed. */
export function enginesOf() {
  const body = el("div");
  const node = el("section", { className: "card" }, el("h2", { className: "label" }, "Engines"), body);
  const look = async () => {
    try {
      const { engines } = await call("/v1/engines");
      section(body, JSON.stringify(engines.map(facts)), () => el("ul", { className: "engines" }, engines.map(row)));
    } catch (error) {
      section(body, error.message, () => el("p", { className: "notice", "data-tone": "bad" }, error.message));
    }
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return { node, close: () => clearInterval(timer) };
}

function facts(engine) {
  return [engine.name, engine.queue, engine.replicas.map((one) => [one.replica, one.state, one.loaded])];
}

function row(engine) {
  const { waiting, running } = engine.queue; // current; what a replica says of itself is a heartbeat old
  const replicas = engine.replicas.length;
  const loaded = [...new Set(engine.replicas.flatMap((one) => one.loaded ?? []))];
  const words = [
    `${engine.stage} · ${replicas} ${replicas === 1 ? "replica" : "replicas"}`,
    waiting ? `${waiting} waiting` : "", running ? `${running} at work` : "",
    loaded.length ? `has ${loaded.join(", ")} in memory` : "",
  ];
  return el("li", {},
    el("strong", {}, engine.name),
    replicas ? badge(running ? "running" : "idle") : badge(waiting ? "missing" : "off"),
    el("span", { className: "dim" }, words.filter(Boolean).join(" · ")));
}
