"""multipart/form-data as a stream of parts: nothing of a file is ever kept.

The parser is told a chunk, calls back, and what it called is handed on before the next chunk is
asked for: so whoever reads the file sets the pace at which the client may send.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from web.errors import BadRequest, WrongMedia

FIELD_LIMIT = 64 * 1024
FIELDS = 40


class Field(msgspec.Struct, frozen=True):
    """A part with a value."""

    name: str
    value: str


class File(msgspec.Struct, frozen=True):
    """The beginning of a part with a file; its bytes follow, and then End."""

    name: str
    filename: str
    media_type: str


class End(msgspec.Struct, frozen=True):
    """The part is complete."""


Token = Field | File | End | bytes


def boundary_of(content_type: str) -> bytes:
    """The boundary in a Content-Type header.

    Raises:
        WrongMedia, BadRequest.
    """
    kind, parameters = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise WrongMedia(
            f"Send multipart/form-data with a part 'file' or a field 'url', "
            f"not {content_type or 'a body without Content-Type'}."
        )
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise BadRequest("The Content-Type header names no boundary.")
    return boundary


class _Collector:
    """What the parser calls back, as tokens in order."""

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        self.ended = False
        self._fields = 0
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._value: bytearray | None = None

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._on(lambda: self._header[0]),
            "on_header_value": self._on(lambda: self._header[1]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_end,
            "on_end": self._on_all,
        }

    def _on(self, target: Callable[[], bytearray]) -> Callable[[bytes, int, int], None]:
        def extend(data: bytes, start: int, end: int) -> None:
            target().extend(data[start:end])

        return extend

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers(self) -> None:
        _, parameters = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in parameters:
            raise BadRequest("A part of the form has no name in its Content-Disposition.")
        self._name = parameters[b"name"].decode(errors="replace")
        if b"filename" in parameters:
            self._value = None
            media_type = self._headers.get(b"content-type", b"application/octet-stream")
            filename = parameters[b"filename"].decode(errors="replace")
            self.tokens.append(File(self._name, filename, media_type.decode("latin-1")))
            return
        self._value = bytearray()
        self._fields += 1
        if self._fields > FIELDS:
            raise BadRequest(f"The form has over {FIELDS} fields.")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._value is None:
            self.tokens.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > FIELD_LIMIT:
            raise BadRequest(f"Field {self._name!r} has over {FIELD_LIMIT} bytes.")

    def _on_end(self) -> None:
        if self._value is None:
            self.tokens.append(End())
            return
        try:
            self.tokens.append(Field(self._name, self._value.decode()))
        except UnicodeDecodeError:
            raise BadRequest(f"Field {self._name!r} is not UTF-8.") from None

    def _on_all(self) -> None:
        self.ended = True


async def tokens(boundary: bytes, chunks: AsyncIterator[bytes]) -> AsyncGenerator[Token, None]:
    """The form as it comes in.

    Raises:
        BadRequest: it is no form, a limit is passed, or it ends before its last boundary.
    """
    collector = _Collector()
    try:
        parser = MultipartParser(boundary, collector.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
            for token in collector.tokens:
                yield token
            collector.tokens.clear()
    except FormParserError as error:
        raise BadRequest(f"The body is no multipart form: {error}") from None
    if not collector.ended:
        raise BadRequest("The form ends before its last boundary: the upload was cut off.")
