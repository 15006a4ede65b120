"""The table of all that is served: each line is a route and its documentation."""

from web import audio, commands, engines, events, health, intake, jobs
from web.call import Route
from web.formats import MEDIA_TYPES
from web.messages import Message
from web.views import EngineList, EventList, Health, HitList, JobList, JobView, Readiness

KEY = {"Idempotency-Key": "the same key with the same request gives the same job"}
PREFER = {"Prefer": "wait=N holds the answer for up to N (60) seconds, until the job has settled"}
TRANSCRIPTS = tuple(dict.fromkeys(kind.partition(";")[0] for kind in MEDIA_TYPES.values()))

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/jobs",
        handler=intake.create,
        summary="Send audio, as a file or as a URL, and have it transcribed",
        tag="jobs",
        body="form",
        headers=KEY | PREFER,
        answers={202: JobView, 200: JobView},
        patient=True,
    ),
    Route(
        method="GET",
        path="/v1/jobs",
        handler=jobs.listed,
        summary="List jobs, the newest first",
        tag="jobs",
        query=jobs.ListQuery,
        answers={200: JobList},
    ),
    Route(
        method="GET",
        path="/v1/jobs/{id}",
        handler=jobs.one,
        summary="Show one job: now, once it has settled, or at a revision of its past",
        tag="jobs",
        query=jobs.OneQuery,
        headers=PREFER,
        answers={200: JobView},
    ),
    Route(
        method="DELETE",
        path="/v1/jobs/{id}",
        handler=commands.erase,
        summary="Erase a job that has ended: its audio, its transcript, every word about it",
        tag="jobs",
        answers={204: None},
    ),
    Route(
        method="POST",
        path="/v1/jobs/{id}/cancel",
        handler=commands.cancel,
        summary="Cancel a job; what runs is stopped, and nothing becomes visible afterwards",
        tag="jobs",
        body=commands.CancelBody,
        answers={200: JobView},
    ),
    Route(
        method="POST",
        path="/v1/jobs/{id}/retry",
        handler=commands.retry,
        summary="Give parked stages a fresh budget; of a job that has ended, make a new one",
        tag="jobs",
        query=commands.RetryQuery,
        body=commands.Changes,
        headers=KEY,
        answers={200: JobView, 201: JobView},
        patient=True,
    ),
    Route(
        method="GET",
        path="/v1/jobs/{id}/transcript",
        handler=jobs.transcript,
        summary="The transcript, as JSON with word times, as text or as subtitles",
        tag="jobs",
        query=jobs.TranscriptQuery,
        headers={"If-None-Match": "an ETag from before: 304 when it is still the same"},
        answers={200: TRANSCRIPTS, 304: None},
    ),
    Route(
        method="GET",
        path="/v1/jobs/{id}/audio",
        handler=audio.redacted,
        summary="The audio with what is personal made inaudible, of a job that asked for it",
        tag="jobs",
        query=audio.AudioQuery,
        answers={200: ("audio/wav",)},
    ),
    Route(
        method="GET",
        path="/v1/jobs/{id}/events",
        handler=jobs.events,
        summary="All that happened to a job, as CloudEvents",
        tag="events",
        query=jobs.EventsQuery,
        answers={200: EventList},
    ),
    Route(
        method="GET",
        path="/v1/events",
        handler=events.stream,
        summary="Follow the log live: server-sent events, or a websocket on the same path",
        tag="events",
        query=events.FeedQuery,
        headers={
            "Last-Event-ID": "EPOCH-SEQ-ID, of the last message that was seen: go on after it"
        },
        answers={200: (events.STREAM,)},
        patient=True,
    ),
    Route(
        method="GET",
        path="/v1/search",
        handler=engines.search,
        summary="Find words in all transcripts",
        tag="search",
        query=engines.SearchQuery,
        answers={200: HitList},
    ),
    Route(
        method="GET",
        path="/v1/engines",
        handler=engines.listed,
        summary="Who is alive, and what waits for them",
        tag="engines",
        answers={200: EngineList},
    ),
    Route(
        method="GET",
        path="/healthz",
        handler=health.healthz,
        summary="The process lives",
        tag="operations",
        answers={200: Health},
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=health.readyz,
        summary="Redis, Postgres and the object store answer",
        tag="operations",
        answers={200: Readiness, 503: Readiness},
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=health.metrics,
        summary="Measures for Prometheus",
        tag="operations",
        answers={200: ("text/plain",)},
    ),
)

SOCKET = "/v1/events"
MESSAGES = Message
