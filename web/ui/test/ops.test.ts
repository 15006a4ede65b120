// What the pages of engines and of the log make of what they are told.

import { expect, test } from "vitest";
import type { CloudEvent, EngineView } from "../src/api/types";
import { inOrder, sums } from "../src/ops/engines";
import { joined } from "../src/ops/tail";

const engine = (name: string, stage: string, more: Partial<EngineView> = {}) =>
  ({
    name,
    stage,
    replicas: [],
    queue: { waiting: 2, running: 0, tenants: {} },
    ...more,
  }) as EngineView;

test("engines stand in the order in which audio meets them", () => {
  const mixed = [
    engine("z", "merge"),
    engine("b", "transcribe"),
    engine("a", "transcribe"),
    engine("y", "new"),
    engine("x", "prepare"),
  ];
  expect(inOrder(mixed).map((one) => one.name)).toEqual(["x", "a", "b", "z", "y"]);
});

test("tasks are stuck where nobody is, or nobody takes any", () => {
  const replica = { memory: 5, loaded: ["m"] } as EngineView["replicas"][number];
  const engines = [
    engine("gone", "align"),
    engine("drained", "diarize", { replicas: [replica], drained: true }),
    engine("well", "merge", { replicas: [replica, replica] }),
  ];
  expect(sums(engines)).toEqual({
    replicas: 3,
    waiting: 6,
    running: 0,
    memory: 15,
    loaded: 3,
    stuck: 4,
  });
});

test("two stretches of the log join in order, each event once, the newest kept", () => {
  const event = (epoch: number, seq: number) => ({ epoch, seq }) as CloudEvent;
  const told = joined([event(1, 3), event(1, 1)], [event(2, 4), event(1, 3), event(1, 2)], 3);
  expect(told.map(({ epoch, seq }) => [epoch, seq])).toEqual([
    [1, 2],
    [1, 3],
    [2, 4],
  ]);
});
