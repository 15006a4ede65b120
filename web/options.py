"""Fields of a form → JobRequest: typed, and with errors that name the field."""

from collections.abc import Mapping
from typing import Any, get_origin

import msgspec

from streams.events import JobRequest
from web.errors import BadRequest

_FIELDS = {field.name: field for field in msgspec.structs.fields(JobRequest)}
NAMES = tuple(_FIELDS)


def parse(fields: Mapping[str, str]) -> JobRequest:
    """The request that the fields of a form ask for; an empty field counts as not given.

    Raises:
        BadRequest: an unknown field, or a wrong type. What is out of range `plan` refuses.
    """
    return _checked({name: _value(name, text) for name, text in fields.items() if text != ""})


def override(request: JobRequest, changes: Mapping[str, Any]) -> JobRequest:
    """The request with some options changed, given as plain JSON values."""
    return _checked({**msgspec.to_builtins(request), **changes})


def _value(name: str, text: str) -> Any:
    """A field of a form as what JSON would have: objects and lists may be JSON, or plain.

    ``diarize=pyannote,align=whisperx`` is an object, ``PERSON,EMAIL_ADDRESS`` a list.
    """
    kind = get_origin(_FIELDS[name].type) if name in _FIELDS else None
    if kind not in {dict, tuple}:
        return text
    if not text.lstrip().startswith(("{", "[")):
        words = [word.strip() for word in text.split(",") if word.strip()]
        if kind is tuple:
            return words
        pairs = [word.partition("=") for word in words]
        if all(equals for _, equals, _ in pairs):
            return {key.strip(): value.strip() for key, _, value in pairs}
    plain: Any = dict[str, str] if kind is dict else list[str]
    try:
        return msgspec.json.decode(text, type=plain)
    except msgspec.DecodeError as error:
        what = "a JSON object of strings, or a=b,c=d" if kind is dict else "a JSON list, or a,b"
        raise BadRequest(f"Field {name!r} takes {what}: {error}") from None


def _checked(values: Mapping[str, Any]) -> JobRequest:
    request = JobRequest(**{name: _converted(name, value) for name, value in values.items()})
    if b"\\u0000" in msgspec.json.encode(request):
        raise BadRequest("An option holds a NUL character; take it out.")
    return request


def _converted(name: str, value: Any) -> Any:
    field = _FIELDS.get(name)
    if field is None:
        raise BadRequest(
            f"Unknown field {name!r}. There are: file, url, upload, {', '.join(NAMES)}."
        )
    try:
        return msgspec.convert(value, field.type, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"Field {name!r} does not take {str(value)[:80]!r}: {error}") from None
