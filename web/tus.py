"""The headers of tus 1.0, the protocol of uploads that are gone on with after a cut (pure)."""

import base64
import binascii
from collections.abc import Mapping
from email.utils import format_datetime

from projector.pending import Pending
from web.errors import BadRequest, Unmet, WrongMedia

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
MEDIA_TYPE = "application/offset+octet-stream"
LIMIT = 2**63 - 1
SPOKEN = {"Tus-Resumable": VERSION}
"""On every answer."""


def check_version(headers: Mapping[str, str]) -> None:
    """Refuse a client that speaks another version, or does not say which."""
    spoken = headers.get("tus-resumable", "")
    if spoken != VERSION:
        raise Unmet(f"Uploads here speak tus {VERSION}: send 'Tus-Resumable: {VERSION}'.")


def check_media_type(headers: Mapping[str, str]) -> None:
    """Refuse a body that is not a piece of a file."""
    given = headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise WrongMedia(f"A piece of a file comes as {MEDIA_TYPE}, not {given[:80] or 'nothing'}.")


def number(headers: Mapping[str, str], name: str) -> int:
    """A header that counts bytes.

    Raises:
        BadRequest: it is missing, or no such number.
    """
    text = headers.get(name.lower(), "")
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > LIMIT:
        raise BadRequest(f"The header {name} takes a number of bytes, not {text[:40]!r}.")
    return int(text)


def metadata(header: str) -> dict[str, str]:
    """Upload-Metadata: pairs of a name and a value in base64, with commas between.

    Raises:
        BadRequest: it has another form.
    """
    found: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        name, _, value = pair.strip().partition(" ")
        try:
            text = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            text = None
        if not name or text is None or name in found:
            raise BadRequest("Upload-Metadata takes 'filename BASE64,filetype BASE64', in UTF-8.")
        found[name] = text
    return found


def told(pending: Pending) -> dict[str, str]:
    """What every answer about an upload says: how far it is, and until when it can go on."""
    return {
        **SPOKEN,
        "Upload-Offset": str(pending.stored),
        "Upload-Expires": format_datetime(pending.expires_at, usegmt=True),
    }


def described(pending: Pending) -> dict[str, str]:
    """What HEAD says beside: the size, and the metadata as they are kept."""
    pairs = {"filename": pending.filename, "filetype": pending.media_type}
    coded = (f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in pairs.items())
    return {
        **told(pending),
        "Upload-Length": str(pending.length),
        "Upload-Metadata": ",".join(coded),
        "Cache-Control": "no-store",
    }
