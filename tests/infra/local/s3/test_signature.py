"""Signature Version 4 against the examples in Amazon's documentation."""

import pytest

from infra.local.s3.errors import S3Error
from infra.local.s3.signature import UNSIGNED, Keys, Signed, moment, verify

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SCOPE = f"{KEYS.access}/20130524/us-east-1/s3/aws4_request"
NOW = moment("20130524T000000Z")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def get_range(signature: str) -> Signed:
    """GET Object with a Range, as signed in the documentation."""
    signed = "host;range;x-amz-content-sha256;x-amz-date"
    return Signed(
        "GET",
        "/test.txt",
        [],
        {
            "host": "examplebucket.s3.amazonaws.com",
            "range": "bytes=0-9",
            "x-amz-content-sha256": EMPTY,
            "x-amz-date": "20130524T000000Z",
            "authorization": f"AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={signed},"
            f"Signature={signature}",
        },
    )


def presigned(expires: str = "86400") -> Signed:
    """A presigned GET, as in the documentation."""
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": SCOPE,
        "X-Amz-Date": "20130524T000000Z",
        "X-Amz-Expires": expires,
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    }
    host = {"host": "examplebucket.s3.amazonaws.com"}
    return Signed("GET", "/test.txt", list(query.items()), host)


RIGHT = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_a_header_signed_as_amazon_does_is_accepted() -> None:
    assert verify(get_range(RIGHT), KEYS, NOW) == EMPTY


def test_a_presigned_url_as_amazon_makes_it_is_accepted() -> None:
    assert verify(presigned(), KEYS, NOW + 86_000) == UNSIGNED


@pytest.mark.parametrize(
    ("request_", "now", "code"),
    [
        (get_range("0" * 64), NOW, "SignatureDoesNotMatch"),
        (get_range(RIGHT), NOW + 16 * 60, "RequestTimeTooSkewed"),
        (get_range(RIGHT), NOW - 16 * 60, "RequestTimeTooSkewed"),
        (presigned(), NOW + 86_401, "AccessDenied"),
        (presigned("86401"), NOW, "SignatureDoesNotMatch"),
        (presigned("999999999"), NOW, "InvalidArgument"),
        (presigned("soon"), NOW, "InvalidArgument"),
        (Signed("GET", "/", [], {"host": "h"}), NOW, "AccessDenied"),
        (Signed("GET", "/", [], {"authorization": "Basic eHg="}), NOW, "AccessDenied"),
    ],
)
def test_anything_else_is_refused(request_: Signed, now: float, code: str) -> None:
    with pytest.raises(S3Error) as error:
        verify(request_, KEYS, now)
    assert error.value.code == code


def test_a_header_that_was_added_on_the_way_is_refused() -> None:
    request = get_range(RIGHT)
    request.headers["x-amz-copy-source"] = "/other/secret"
    with pytest.raises(S3Error, match="x-amz-copy-source"):
        verify(request, KEYS, NOW)
