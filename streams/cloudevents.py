"""An event as the world outside sees it: CloudEvents 1.0."""

from typing import Any

import msgspec

from streams.events import Event, Unknown, encode_meta, format_time


def data_of(event: Event) -> dict[str, Any]:
    """The payload of an event as plain JSON values, without its type."""
    match event.fact:
        case Unknown(data=data):
            plain: dict[str, Any] = msgspec.json.decode(data)
        case fact:
            plain = msgspec.to_builtins(fact)
    plain.pop("type", None)
    return plain


def cloud_event(event: Event) -> dict[str, Any]:
    """The event as CloudEvents 1.0 (JSON format), as HTTP, sockets and exports show it.

    Attributes without a value are left out, and ``meta`` is text (JSON): the specification knows
    neither empty attributes nor objects.
    """
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": "/dalston",
        "type": f"dev.dalston.{event.type}.v1",
        "time": format_time(event.time),
        "subject": event.job,
        "datacontenttype": "application/json",
        "seq": event.seq,
        "epoch": event.epoch,
        "rev": event.rev,
        "tenant": event.tenant,
        "prev": event.prev,
        "meta": encode_meta(event.meta).decode() if event.meta else "",
    }
    view = {name: value for name, value in attributes.items() if value != ""}
    return view | {"data": data_of(event)}
