"""What the web process reads from the environment, beside what all processes do."""

import ipaddress
from typing import Annotated, Literal

from msgspec import Meta

from streams.errors import InvalidSetting
from streams.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class WebSettings(Settings, frozen=True, kw_only=True):
    """Where to listen, whom to answer, how much to take."""

    web_host: Annotated[str, Meta(description="address that the web listens on")] = "127.0.0.1"
    web_port: Annotated[
        int, Meta(description="port that the web listens on; 0 takes a free one", ge=0, le=65535)
    ] = 8080
    web_hosts: Annotated[
        str,
        Meta(description="comma-separated Host names answered besides localhost's own"),
    ] = ""
    auth: Annotated[
        Literal["", "open", "keys"],
        Meta(
            description="keys: whoever asks needs one; open: nobody does, on loopback alone; "
            "empty: open where only this machine can ask, keys everywhere else"
        ),
    ] = ""
    first_key: Annotated[
        bool, Meta(description="whether the first start makes an admin key and logs it, once")
    ] = True
    max_upload: Annotated[
        int, Meta(description="largest audio taken, in bytes, by upload or by URL", gt=0)
    ] = 5 * 1024**3
    url_allow: Annotated[
        str,
        Meta(description="comma-separated hosts or networks that URLs may name though private"),
    ] = ""
    url_timeout_s: Annotated[
        float, Meta(description="seconds that fetching the audio of a URL may take", gt=0)
    ] = 3600.0
    socket_queue: Annotated[
        int, Meta(description="events that wait for one slow reader before it is re-read", gt=0)
    ] = 512
    read_timeout_s: Annotated[
        float, Meta(description="seconds after which a request gives up on a silent server", gt=0)
    ] = 10.0


def wants_keys(settings: WebSettings) -> bool:
    """Whether a caller needs a key.

    Raises:
        InvalidSetting: none shall be needed where others than this machine can ask.
    """
    here = is_loopback(settings.web_host)
    if settings.auth == "open" and not here:
        raise InvalidSetting(
            f"DALSTON_AUTH=open: the web would listen on {settings.web_host}, where others reach "
            "it and could read and erase everything. Let it listen on 127.0.0.1, or want keys."
        )
    return settings.auth != "open" and (
        settings.auth == "keys" or not here or bool(names(settings) - LOOPBACK)
    )


def names(settings: WebSettings) -> frozenset[str]:
    """The Host names that are answered besides localhost's own; more than those: others ask."""
    return frozenset(name.strip().lower() for name in settings.web_hosts.split(",") if name.strip())


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
