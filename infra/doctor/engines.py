"""Engines: who has announced itself, and whether a queue waits for nobody."""

from collections.abc import Collection

from redis.asyncio import Redis

from infra.doctor.finding import Finding, fail, ok, warn
from streams.commit import Ledger
from streams.keys import Keys
from streams.pipeline import DEFAULT_ENGINES
from streams.registry import Announcement, Registry
from streams.settings import Settings
from streams.work import Queue
from web.views import EngineView


async def examine(redis: Redis, settings: Settings) -> list[Finding]:
    """All engines that are up or are needed, with their queues."""
    keys = Keys(settings.key_prefix, settings.partition)
    ledger = Ledger(redis, keys)
    alive = await Registry(redis, keys).alive()
    views, lost = [], 0
    for name in sorted({one.engine for one in alive} | set(DEFAULT_ENGINES.values())):
        queue = Queue(redis, ledger, name)
        mine = [one for one in alive if one.engine == name]
        stage = mine[0].stage if mine else ""
        views.append(EngineView(name, stage, mine, await queue.depth()))
        lost += len(await queue.lost(2 * settings.lease_s))
    return [*judge(views), leases(lost, settings.lease_s)]


def judge(views: Collection[EngineView]) -> list[Finding]:
    """A finding for each engine. Pure."""
    return [_judged(view) for view in views]


def _judged(view: EngineView) -> Finding:
    part, waiting = f"engine {view.name}", view.queue.waiting
    held = f"{waiting} waiting, {view.queue.running} running"
    if not view.replicas:
        cure = f"dalston up --engine {view.name}=1; if it should run, look at its log"
        if waiting or view.name in DEFAULT_ENGINES.values():
            return fail(part, f"no replica is alive; {held}", cure)
        return warn(part, f"no replica is alive; {held}", cure)
    if all(one.state in {"starting", "draining", "drained"} for one in view.replicas):
        detail = ", ".join(f"{one.replica} is {one.state}" for one in view.replicas)
        drained = all(one.state == "drained" for one in view.replicas)
        wait = "wait; if it stays so, its log says why"
        return warn(part, f"{detail}; {held}", f"dalston resume {view.name}" if drained else wait)
    if all(one.needs_model and not one.default_model for one in view.replicas):
        cure = "docs/engines.md says how to give it one; until then its stage is left out"
        return warn(part, "up without a model", cure)
    if waiting and all(one.state == "idle" for one in view.replicas):
        cure = "if that is so a minute later, restart it: nothing is lost by that"
        return warn(part, f"idle, though {held}", cure)
    return ok(part, f"{len(view.replicas)} up ({models(view.replicas)}); {held}")


def models(replicas: Collection[Announcement]) -> str:
    """What the replicas have to offer."""
    names = dict.fromkeys(model for one in replicas for model in one.models)
    return ", ".join(names) or "no model needed"


def leases(lost: int, lease_s: float) -> Finding:
    """Tasks that somebody holds and does not renew, and that nobody takes away."""
    if lost:
        detail = f"{lost} task(s) with a lease of {lease_s:g} s that ran out long ago"
        return fail("leases", detail, "is the projector running? its timers give them away")
    return ok("leases", "none has run out")
