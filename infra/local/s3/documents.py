"""The XML that S3 speaks: what we answer, and what we read (pure)."""

import datetime as dt
import xml.etree.ElementTree as ET
from email.utils import formatdate
from xml.sax.saxutils import escape

from infra.local.s3.errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Element:
    """A named element: text, or other elements."""

    def __init__(self, name: str, *content: "str | int | bool | Element") -> None:
        self.name = name
        self.content = content

    def __str__(self) -> str:
        return f"<{self.name}>{''.join(map(text, self.content))}</{self.name}>"


def text(value: "str | int | bool | Element") -> str:
    """A value as it stands in XML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, Element) else escape(str(value))


def document(root: Element) -> bytes:
    """A whole document."""
    body = "".join(map(text, root.content))
    opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root.name} xmlns="{NAMESPACE}">'
    return f"{opening}{body}</{root.name}>".encode()


def error(code: str, message: str, resource: str) -> bytes:
    """The document of a refusal."""
    fields = [Element("Code", code), Element("Message", message), Element("Resource", resource)]
    root = Element("Error", *fields, Element("RequestId", "local"))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()


def iso(seconds: float) -> str:
    """A time such as 2026-11-24T21:36:00.000Z."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def http_date(seconds: float) -> str:
    """A time such as Tue, 24 Nov 2026 21:36:00 GMT."""
    return formatdate(seconds, usegmt=True)


def read(body: bytes) -> ET.Element:
    """A document that a client sent, without its namespace."""
    try:
        # Only who holds the keys gets here, and expat limits how far entities may grow.
        root = ET.fromstring(body)  # noqa: S314
    except ET.ParseError as reason:
        raise S3Error("MalformedXML", f"The XML does not parse: {reason}.") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def chosen_parts(body: bytes) -> list[tuple[int, str]]:
    """The (number, etag) pairs of a CompleteMultipartUpload."""
    found = []
    for part in read(body).iter("Part"):
        number, etag = part.findtext("PartNumber", ""), part.findtext("ETag", "")
        if not number.isdecimal():
            raise S3Error("MalformedXML", "A Part has no PartNumber.")
        found.append((int(number), etag.strip('"')))
    return found


def keys_to_delete(body: bytes) -> tuple[list[str], bool]:
    """The keys of a DeleteObjects, and whether it wants to hear of errors only."""
    root = read(body)
    keys = [item.findtext("Key", "") for item in root.iter("Object")]
    if not 1 <= len(keys) <= 1000:
        raise S3Error("MalformedXML", "Name 1 to 1000 objects.")
    return keys, root.findtext("Quiet", "").lower() == "true"
