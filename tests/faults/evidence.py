"""What is left when all is at rest, read from the servers themselves: the checker looks at this."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec

from infra.local.s3.store import Store
from projector import database, queries
from streams.connection import connect
from streams.events import Event, JobSubmitted, LogRecovered
from streams.job import Job, decode, fold
from streams.keys import Keys
from streams.settings import Settings
from tests.echo.engines import Seen as Attempt
from tests.echo.engines import witnessed
from tests.faults.faults import POSTGRES_FORGETS, REDIS_FORGETS
from tests.faults.followers import Follower
from tests.faults.record import Told
from tests.faults.run import Harm, Run
from web.views import JobList, JobView

TABLES = ("events", "jobs", "stages", "segments", "submissions", "checkpoints", "unknown_events")


class Key(msgspec.Struct, frozen=True):
    """One Redis key: its type, what it holds, and its time to live in ms (-1: for ever)."""

    type: str
    value: Any
    ttl: int


@dataclass(kw_only=True)
class Evidence:
    """events: the archive. stories: by job. folded: what they amount to.

    rows: jobs as Postgres has them. redis: every key of ours. objects: S3 key → bytes. temporary:
    files that should not be there. views, listed, transcripts: what the API says.
    """

    settings: Settings
    told: Told = field(default_factory=Told)
    followers: Sequence[Follower] = ()
    events: list[Event]
    rows: dict[str, Job]
    texts: dict[str, str]
    redis: dict[str, Key]
    objects: dict[str, bytes] = field(default_factory=dict)
    temporary: list[str] = field(default_factory=list)
    views: dict[str, JobView] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    transcripts: dict[str, httpx.Response] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    harms: Sequence[Harm] = ()

    def __post_init__(self) -> None:
        stories: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            stories[event.job].append(event)
        folded = {name: fold(story) for name, story in stories.items()}
        self.folded = {name: job for name, job in folded.items() if job is not None}
        self.stories = {name: stories[name] for name in self.folded}
        self.keys = Keys(self.settings.key_prefix, self.settings.partition)

    @property
    def recoveries(self) -> list[Event]:
        """When Redis was made anew from the archive."""
        return [event for event in self.events if isinstance(event.fact, LogRecovered)]

    def redis_forgot_since(self, at: float) -> bool:
        """Whether Redis was lost or put back after that moment: what only it knew is void."""
        recovered = any(event.time.timestamp() > at for event in self.recoveries)
        return recovered or any(h.until > at for h in self.harms if h.fault in REDIS_FORGETS)

    def postgres_forgot(self, at: float) -> bool:
        """Whether Postgres was put back to before that moment: what only it knew is void."""
        return any(
            harm.at - 1 <= at <= harm.until + 1
            for harm in self.harms
            if harm.fault in POSTGRES_FORGETS
        )

    @property
    def lost(self) -> list[str]:
        """Jobs that were accepted and are nowhere.

        But for those whose row alone was written when Postgres was put back to before it.
        """
        return [
            job for job in self.told.jobs
            if (job not in self.views or job not in self.folded or job not in self.listed)
            and not self.postgres_forgot(self.told.accepted_at[job])
        ]  # fmt: skip

    @property
    def duplicated(self) -> list[str]:
        """Submissions that became two jobs, and keys that were answered with two.

        But for keys that Postgres knew alone when it was put back to before them.
        """
        forgotten = {
            order.word
            for job, order in self.told.jobs.items()
            if self.postgres_forgot(self.told.accepted_at[job])
        }
        marks: defaultdict[str, int] = defaultdict(int)
        for event in self.events:
            if isinstance(fact := event.fact, JobSubmitted) and fact.again_from is None:
                marks[fact.request.labels.get("mark", "")] += 1
        marks.pop("", None)  # erased, or not of our clients
        keys = {key: len(ids) for key, ids in self.told.keys.items()}
        found = [name for name, count in {**marks, **keys}.items() if count > 1]
        return [name for name in found if name.removeprefix("key-") not in forgotten]


async def collect(run: Run, told: Told, followers: Sequence[Follower]) -> Evidence:
    """All that can be seen from outside, and all that lies on the servers."""
    seen = await servers(run.settings)
    store = Store(run.servers_home / "s3")
    async with httpx.AsyncClient(base_url=run.stack.running.web.url, trust_env=False) as http:
        listed = await _listed(http)
        views, transcripts = {}, {}
        for job in {*told.jobs, *listed}:
            answer = await http.get(f"/v1/jobs/{job}")
            if answer.status_code == 200:
                views[job] = msgspec.json.decode(answer.content, type=JobView)
                transcripts[job] = await http.get(f"/v1/jobs/{job}/transcript?format=txt")
    bucket = run.settings.s3_bucket
    return Evidence(
        settings=run.settings, told=told, followers=followers, events=seen.events, rows=seen.rows,
        texts=seen.texts, redis=seen.redis, views=views, listed=listed, transcripts=transcripts,
        objects={key: store.path(bucket, key).read_bytes() for key in store.keys(bucket, "")},
        temporary=_temporary(run, store), attempts=witnessed(run.witness), harms=run.harms,
    )  # fmt: skip


async def servers(settings: Settings) -> Evidence:
    """What Postgres and Redis hold."""
    connection = await asyncpg.connect(settings.postgres_dsn)
    try:
        jobs = await connection.fetch("SELECT id, state FROM jobs")
        texts = {}
        for table in TABLES:
            rows = await connection.fetch(f"SELECT t::text AS row FROM {table} AS t")
            texts[table] = "\n".join(row["row"] for row in rows)
    finally:
        await connection.close()
    return Evidence(
        settings=settings,
        events=await _archive(settings),
        rows={row["id"]: decode(row["state"]) for row in jobs},
        texts=texts,
        redis=await _keys(settings),
    )


async def _archive(settings: Settings) -> list[Event]:
    engine = database.engine(settings)
    events: list[Event] = []
    async with engine.connect() as connection:
        while batch := await queries.events(
            connection, after=events[-1].seq if events else 0, limit=5000
        ):
            events += batch
    await engine.dispose()
    return events


async def _keys(settings: Settings) -> dict[str, Key]:
    redis: Any = connect(settings.redis_url)
    read = {
        "string": redis.get, "hash": redis.hgetall, "stream": redis.xrange,
        "zset": lambda name: redis.zrange(name, 0, -1, withscores=True),
    }  # fmt: skip
    found = {}
    async for name in redis.scan_iter(f"{settings.key_prefix}:*", count=1000):
        kind = (await redis.type(name)).decode()
        if kind in read:
            found[name.decode()] = Key(kind, await read[kind](name), await redis.pttl(name))
    for engine in [name for name in found if ":queue:" in name]:
        groups = await redis.xpending(engine, Keys.GROUP)
        found[f"{engine} pending"] = Key("pending", groups["pending"], -1)
    await redis.aclose()
    return found


async def _listed(http: httpx.AsyncClient) -> set[str]:
    found: set[str] = set()
    before: str | None = None
    while True:
        query = f"&before={before}" if before else ""
        page = msgspec.json.decode(
            (await http.get(f"/v1/jobs?limit=200{query}")).raise_for_status().content, type=JobList
        )
        found |= {job.id for job in page.jobs}
        if (before := page.next) is None:
            return found


def _temporary(run: Run, store: Store) -> list[str]:
    """Files of attempts, unfinished objects and parts: at rest there are none."""
    folders = [store.drafts, store.uploads, run.stack.home.path / "work"]
    files: list[Path] = [path for folder in folders for path in folder.rglob("*")]
    return [str(path.relative_to(run.home)) for path in files if path.is_file()]
