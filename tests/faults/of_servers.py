"""Invariants of what lies on the servers at rest: Redis, Postgres and the objects agree."""

from projector.rebuild import lines, rebuild
from streams import job as jobs
from streams.events import StageCompleted, from_entry
from tests.faults.evidence import Evidence
from tests.faults.finding import Finding

QUEUES = ("queue", "backlog", "fair")
KNOWN = frozenset({"log", "head", "replicas"})
"""Keys without a time to live that are there for as long as the partition is."""


def same_in_redis(seen: Evidence) -> Finding:
    """The states in Redis are the fold of the log, and of each job under way there is one."""
    found = Finding(4, "the states in Redis are the fold of the log")
    for name, job in seen.folded.items():
        key = seen.redis.get(seen.keys.job(name))
        if key is None:
            found.check(job.terminal, f"{name} is {job.status} and has no state in Redis")
            continue
        state = jobs.decode(key.value[b"state"])
        found.check(state == job, f"{name} is {state} in Redis, {job} in the archive")
        last = seen.stories[name][-1]
        found.check(key.value[b"last"].decode() == last.id, f"{name} has another last event")
        found.check(int(key.value[b"rev"]) == job.rev, f"{name} has another revision")
    return found


def same_in_postgres(seen: Evidence) -> Finding:
    """The rows are the pure fold of the archive up to the checkpoint."""
    found = Finding(8, "the state in Postgres is the fold of the archive")
    for name in {*seen.rows, *seen.folded}:
        row, job = seen.rows.get(name), seen.folded.get(name)
        found.check(row == job, f"{name} is {row} in Postgres, {job} in the archive")
    return found


def archive_is_a_prefix(seen: Evidence) -> Finding:
    """What Redis still holds of the log is what the archive says; at rest both end in one event."""
    found = Finding(9, "the archive is a prefix of the log that survived")
    entries = seen.redis[seen.keys.log].value if seen.keys.log in seen.redis else []
    for entry, fields in entries:
        event = from_entry(entry, fields)
        known = seen.events[event.seq - 1] if event.seq <= len(seen.events) else None
        same = known is not None and (known.id, known.prev) == (event.id, event.prev)
        found.check(same, f"the log's event {event.seq} is {event.id}, archived is {known}")
    head = seen.redis[seen.keys.head].value
    last = seen.events[-1]
    found.check(
        (int(head[b"seq"]), head[b"id"].decode(), int(head[b"epoch"]))
        == (last.seq, last.id, last.epoch),
        f"the head is {head}, the archive ends with {last.seq} {last.id} of epoch {last.epoch}",
    )
    return found


def trimmed_is_archived(seen: Evidence) -> Finding:
    """Every event that is no longer in Redis is in the archive."""
    found = Finding(10, "no event left Redis before it was archived")
    entries = seen.redis[seen.keys.log].value if seen.keys.log in seen.redis else []
    first = int(entries[0][0].partition(b"-")[0]) if entries else seen.events[-1].seq + 1
    archived = {event.seq for event in seen.events}
    for seq in range(1, first):
        found.check(seq in archived, f"event {seq} is neither in Redis nor in the archive")
    return found


async def rebuilt_is_the_same(seen: Evidence) -> Finding:
    """The tables folded anew from the archive are the live ones, row for row."""
    found = Finding(11, "rebuilt tables are the live tables, row for row")
    report = await rebuild(seen.settings)
    for table in report.tables:
        found.facts += table.live_rows
        if not table.same:
            found.wrong += [line for line in lines(report) if line.startswith(table.name)]
    return found


def erased_is_gone(seen: Evidence) -> Finding:
    """No row, key or object holds a word of a job that was erased."""
    found = Finding(20, "what was erased is nowhere")
    erased = {name for name, job in seen.folded.items() if job.erased}
    for name in erased & seen.told.jobs.keys():
        objects = [key for key in seen.objects if key.startswith(f"jobs/{name}/")]
        found.check(not objects, f"{name} was erased, and there are {objects}")
        word = seen.told.jobs[name].word
        if any(o.word == word and other not in erased for other, o in seen.told.jobs.items()):
            continue  # tried again as a job of its own, which nobody erased
        if any(order.word == word for order in seen.told.open):
            continue  # perhaps tried again: the answer was lost
        for table, text in seen.texts.items():
            found.check(word not in text, f"{word} of {name} is in {table}")
        keys = [key for key, held in seen.redis.items() if word.encode() in repr(held).encode()]
        found.check(not keys, f"{word} of {name} is in {keys}")
        objects = [key for key, data in seen.objects.items() if word.encode() in data]
        found.check(not objects, f"{word} of {name} is in {objects}")
    found.note = f"{len(erased)} jobs erased"
    return found


def nothing_is_left(seen: Evidence) -> Finding:
    """At rest: no pending entry, no key without owner or time to live, no temporary file."""
    found = Finding(21, "nothing pending, no key that is nobody's, no temporary file")
    base = f"{seen.keys.base}:"
    for name, key in seen.redis.items():
        kind, _, rest = name.removeprefix(base).partition(":")
        if name.endswith(" pending"):
            found.check(key.value == 0, f"{name}: {key.value}")
        elif kind == "job":
            job = seen.folded.get(rest)
            ours = key.ttl > 0 if job is None or job.terminal else key.ttl == -1
            found.check(ours or rest == "log", f"{name} lives for {key.ttl} ms: {job}")
        elif kind in QUEUES:
            found.check(not key.value, f"{name} holds {key.value}")
        else:
            known = kind in KNOWN or (kind == "drains" and b"drained" in repr(key.value).encode())
            found.check(known or key.ttl > 0, f"{name} is nobody's and stays for ever")
    named = _named(seen)
    for path in seen.objects:
        found.check(path.startswith(named), f"nothing names the object {path}")
    for file in seen.temporary:
        found.wrong.append(f"{file} is left over")
    return found


def _named(seen: Evidence) -> tuple[str, ...]:
    """What the keys of all living objects begin with, by the events themselves."""
    named = ["owner"]
    for name, story in seen.stories.items():
        if seen.folded[name].erased:
            continue
        named.append(f"jobs/{name}/source")
        named += [
            f"jobs/{name}/{fact.stage}/{fact.token}/"
            for event in story
            if isinstance(fact := event.fact, StageCompleted)
        ]
    return tuple(named)
