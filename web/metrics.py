"""What is measured, each name declared once with its meaning."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)


class Metrics:
    """The measures of one application."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Histogram(
            "dalston_web_request_seconds",
            "Time until the answer was complete, by route and status",
            ("method", "route", "status"),
            registry=registry,
            buckets=BUCKETS,
        )
        self.uploaded = Counter(
            "dalston_web_uploaded_bytes", "Bytes of audio taken into the store", registry=registry
        )
        self.jobs = Counter("dalston_web_jobs", "Jobs accepted here", registry=registry)
        self.readers = Gauge(
            "dalston_web_readers", "Sockets and streams that follow the log", registry=registry
        )
        self.fell_behind = Gauge(
            "dalston_web_fell_behind", "Times that a reader was too slow", registry=registry
        )
        self.seq = Gauge(
            "dalston_web_log_seq", "Last event of the log that was seen here", registry=registry
        )
        self.live = Gauge(
            "dalston_web_log_live", "1 while the log is followed, else 0", registry=registry
        )
