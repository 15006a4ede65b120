"""The numbers that the projector tells, each declared once with its meaning."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

REGISTRY = CollectorRegistry()

FOLDED = Counter("dalston_projector_events", "events archived and folded", registry=REGISTRY)
BATCHES = Counter("dalston_projector_batches", "transactions of the fold", registry=REGISTRY)
UNKNOWN = Counter(
    "dalston_projector_unknown_events", "events skipped by the fold", ["type"], registry=REGISTRY
)
ARCHIVE = Gauge("dalston_projector_archive_seq", "last event in the archive", registry=REGISTRY)
LAG = Gauge("dalston_projector_lag_events", "events not folded yet", registry=REGISTRY)
LAG_SECONDS = Gauge(
    "dalston_projector_lag_seconds", "age of the oldest event not folded yet", registry=REGISTRY
)
DIVERGED = Gauge(
    "dalston_projector_diverged", "1 while the log does not follow the archive", registry=REGISTRY
)
RECOVERIES = Counter(
    "dalston_projector_recoveries", "rebuilds of Redis from the archive", registry=REGISTRY
)
FAILURES = Counter(
    "dalston_projector_failures", "errors at a loop's rim, by loop", ["loop"], registry=REGISTRY
)
SKIPPED = Counter(
    "dalston_projector_skipped_events",
    "events that a side effect gave up on",
    ["consumer"],
    registry=REGISTRY,
)
TIMERS = Counter(
    "dalston_projector_timers", "what the timers set going, by kind", ["kind"], registry=REGISTRY
)
SWEPT = Counter(
    "dalston_projector_swept_objects", "objects deleted that nothing named", registry=REGISTRY
)
LEADING = Gauge(
    "dalston_projector_leading", "1 while this projector runs the timers", registry=REGISTRY
)


def expose() -> bytes:
    """All of them in Prometheus's text format."""
    return generate_latest(REGISTRY)
