"""What the web process reads from the environment, beside what all processes do."""

from typing import Annotated

from msgspec import Meta

from streams.settings import Settings


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
