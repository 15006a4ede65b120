"""AWS Signature Version 4: who sent this request, in headers or in a presigned URL (pure)."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from infra.local.s3.errors import S3Error

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW_S = 15 * 60
LONGEST_S = 7 * 24 * 3600


@dataclass(frozen=True)
class Keys:
    """The one pair of keys of this store."""

    access: str
    secret: str


@dataclass(frozen=True)
class Signed:
    """What is signed: path as sent, query as decoded pairs, headers with lower-case names."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]


@dataclass(frozen=True)
class Claim:
    """What a request says of its own signature."""

    credential: str
    date: str
    signed_headers: str
    signature: str
    payload: str


def verify(request: Signed, keys: Keys, now: float) -> str:
    """Check the signature; return the payload's promised sha256, or UNSIGNED.

    Raises:
        S3Error: anonymous, unknown key, wrong signature, expired, or a clock too far off.
    """
    query = dict(request.query)
    if "authorization" in request.headers:
        claim = from_headers(request.headers)
        expires = None
    elif "X-Amz-Signature" in query:
        claim = from_query(query)
        expires = seconds(query.get("X-Amz-Expires", ""))
    else:
        raise S3Error(
            "AccessDenied", "Anonymous access is not allowed: sign with Signature Version 4."
        )
    access, scope = claim.credential.partition("/")[::2]
    if not hmac.compare_digest(access.encode(), keys.access.encode()):
        raise S3Error("InvalidAccessKeyId", "No such access key.")
    check_time(moment(claim.date), expires, now)
    check_coverage(request.headers, claim.signed_headers.split(";"))
    if not hmac.compare_digest(sign(request, claim, scope, keys.secret), claim.signature):
        raise S3Error(
            "SignatureDoesNotMatch", "The signature does not match: check the secret key."
        )
    return claim.payload


def from_headers(headers: dict[str, str]) -> Claim:
    """The claim of an Authorization header."""
    algorithm, _, rest = headers["authorization"].partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if algorithm != ALGORITHM or not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
        raise S3Error("AccessDenied", f"Only {ALGORITHM} is understood.")
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidArgument", "The header x-amz-content-sha256 is missing.")
    return Claim(
        credential=fields["Credential"],
        date=headers.get("x-amz-date", ""),
        signed_headers=fields["SignedHeaders"],
        signature=fields["Signature"],
        payload=payload,
    )


def from_query(query: dict[str, str]) -> Claim:
    """The claim of a presigned URL."""
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise S3Error("AccessDenied", f"Only {ALGORITHM} is understood.")
    return Claim(
        credential=query.get("X-Amz-Credential", ""),
        date=query.get("X-Amz-Date", ""),
        signed_headers=query.get("X-Amz-SignedHeaders", ""),
        signature=query["X-Amz-Signature"],
        payload=UNSIGNED,
    )


def check_time(signed: float, expires: int | None, now: float) -> None:
    """A presigned URL lives as long as it says, a signed header for a quarter of an hour."""
    if expires is None:
        if abs(now - signed) > SKEW_S:
            raise S3Error(
                "RequestTimeTooSkewed", "The request's time is too far from the server's."
            )
    elif signed - SKEW_S > now or now > signed + expires:
        raise S3Error("AccessDenied", "Request has expired.")


def check_coverage(headers: dict[str, str], signed: list[str]) -> None:
    """A header that changes what is done must be signed, or anybody on the way could change it."""
    loose = [n for n in headers if (n == "host" or n.startswith("x-amz-")) and n not in signed]
    if loose:
        raise S3Error(
            "AccessDenied", f"There were headers present which were not signed: {loose[0]}."
        )


def sign(request: Signed, claim: Claim, scope: str, secret: str) -> str:
    """The signature that this request should have, in hex."""
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    canonical = hashlib.sha256(canonical_request(request, claim).encode()).hexdigest()
    text = f"{ALGORITHM}\n{claim.date}\n{scope}\n{canonical}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def canonical_request(request: Signed, claim: Claim) -> str:
    """The request as AWS writes it down for signing."""
    query = ((k, v) for k, v in request.query if k != "X-Amz-Signature")
    headers = [
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
        for name in claim.signed_headers.split(";")
    ]
    return "\n".join(
        [
            request.method,
            quote(unquote(request.path), safe="/-_.~"),
            canonical_query(query),
            "".join(headers),
            claim.signed_headers,
            claim.payload,
        ]
    )


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """The query, each part quoted, in order."""
    quoted = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in pairs)
    return "&".join(f"{k}={v}" for k, v in quoted)


def moment(date: str) -> float:
    """Seconds since 1970 of a date such as 20261124T213600Z."""
    try:
        read = dt.datetime.strptime(date + "+0000", "%Y%m%dT%H%M%SZ%z")
    except ValueError:
        raise S3Error("AccessDenied", f"{date!r} is no date such as 20261124T213600Z.") from None
    return read.timestamp()


def seconds(text: str) -> int:
    """A presigned URL's lifetime."""
    if not text.isdecimal() or not 0 < int(text) <= LONGEST_S:
        raise S3Error("InvalidArgument", f"X-Amz-Expires must be 1 to {LONGEST_S} seconds.")
    return int(text)
