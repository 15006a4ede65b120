"""The engine's Prometheus metrics: every name with its meaning, in one place."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

_WORK_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_WAIT_S = (0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)

TASKS = Counter(
    "dalston_engine_tasks",
    "Tasks by how they ended: completed, fenced, cancelled, preempted, or the kind of failure",
    ["engine", "stage", "outcome"],
)
TASK_SECONDS = Histogram(
    "dalston_engine_task_seconds",
    "Wall time of a task from being taken to its event, downloads and uploads included",
    ["engine"],
    buckets=_WORK_S,
)
QUEUE_SECONDS = Histogram(
    "dalston_engine_queue_seconds",
    "How long a task waited from stage.ready to stage.started",
    ["engine"],
    buckets=_WAIT_S,
)
AUDIO_SECONDS = Counter(
    "dalston_engine_audio_seconds", "Audio in the tasks that completed", ["engine"]
)
LOAD_SECONDS = Histogram(
    "dalston_engine_load_seconds", "How long the child took to load a model", ["engine"],
    buckets=_WORK_S,
)  # fmt: skip
CHILD_MEMORY = Gauge(
    "dalston_engine_child_memory_bytes", "Resident memory of the child process now", ["engine"]
)
CHILD_GPU = Gauge(
    "dalston_engine_child_gpu_bytes", "What the child holds on the card now", ["engine"]
)
MODELS_LOADED = Gauge(
    "dalston_engine_models_loaded", "Models that the child holds now", ["engine"]
)  # fmt: skip
MODEL_USES = Counter(
    "dalston_engine_model_uses",
    "Tasks that did their work, by how they found their model: warm, or cold: it was loaded first",
    ["engine", "found"],
)
UNLOADED = Counter(
    "dalston_engine_models_unloaded",
    "Models that went while the child lived: for another, or for want of memory",
    ["engine"],
)
HANDED = Counter(
    "dalston_engine_tasks_handed_over",
    "Tasks that were taken here and handed to an idle replica with their model loaded",
    ["engine"],
)
BUSY = Gauge("dalston_engine_busy", "1 while a task is being worked on", ["engine"])
REPLACED = Counter(
    "dalston_engine_children_replaced",
    "Children that were ended early: over a budget, hung, crashed, stopped",
    ["engine", "why"],
)


def expose() -> bytes:
    """All of them, as Prometheus reads them."""
    return generate_latest(REGISTRY)
