"""How what the API shows becomes facts again, and what that says of a job."""

import msgspec

from streams.events import AnyFact, Unknown, decode_fact
from streams.job import TERMINAL
from web.views import CloudEvent, JobView

PREFIX, SUFFIX = "dev.dalston.", ".v1"


def name_of(event: CloudEvent) -> str:
    """The short type name, as in "stage.started"."""
    return event.type.removeprefix(PREFIX).removesuffix(SUFFIX)


def fact_of(event: CloudEvent) -> AnyFact | Unknown:
    """What happened."""
    return decode_fact(name_of(event), msgspec.json.encode(event.data))


def ended(view: JobView) -> bool:
    """Whether nothing more happens to a job by itself: it is over, or waits for a person."""
    return view.status in TERMINAL or view.status == "blocked"
