"""A server on HTTP that speaks OpenAI's protocol and answers as a test tells it to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Asked = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """An answer on the wire that is not just a text."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


@dataclass
class Provider:
    """Where it listens, what it answers, what it was asked."""

    url: str = ""
    answer: Callable[[Asked], str | Reply | None] = field(default_factory=lambda: tidied)
    asked: list[Asked] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


def data(asked: Asked) -> Any:
    """The transcript in a question, as it was sent."""
    text = asked["messages"][-1]["content"]
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.split("\n")]


def order(asked: Asked) -> str:
    """What the model was told to do."""
    return str(asked["messages"][0]["content"])


def tidied(asked: Asked) -> str:
    """What an obedient model makes of segments: no um, a capital, a full stop."""
    given = data(asked)
    if isinstance(given, str):
        return tidy(given)
    lines = [{"id": one["id"], "text": tidy(one["text"]), "paragraph": False} for one in given]
    return json.dumps({"segments": lines})


def tidy(text: str) -> str:
    kept = " ".join(word for word in text.split() if word != "um")
    return f"{kept[:1].upper()}{kept[1:]}."


def completion(
    text: str | None, finish: str = "stop", *, tokens: tuple[int, int] = (100, 10)
) -> Reply:
    """A completion as OpenAI's server sends it."""
    return Reply(json.dumps({
        "id": "chat-1", "object": "chat.completion", "created": 1, "model": "whatever",
        "choices": [{
            "index": 0, "finish_reason": finish,
            "message": {"role": "assistant", "content": text},
        }],
        "usage": {
            "prompt_tokens": tokens[0], "completion_tokens": tokens[1],
            "total_tokens": sum(tokens),
        },
    }).encode())  # fmt: skip


def error(status: int, message: str, **headers: str) -> Reply:
    """A refusal as OpenAI's server sends it."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode()
    return Reply(body, status, headers)


@contextmanager
def serving() -> Iterator[Provider]:
    """A provider that listens on a free port of this machine."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            provider.asked.append(asked)
            provider.keys.add(self.headers.get("authorization", ""))
            given = provider.answer(asked)
            reply = given if isinstance(given, Reply) else completion(given)
            time.sleep(reply.wait_s)
            self.send_response(reply.status)
            headers = {"content-type": "application/json", **reply.headers}
            for name, value in {**headers, "content-length": str(len(reply.body))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            try:
                self.wfile.write(reply.body)
            except OSError:
                return  # who asked has given up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
