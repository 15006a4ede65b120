"""Whose request it is: the one seam where keys and sign-in go."""

from starlette.requests import HTTPConnection

DEFAULT = "default"


def tenant_of(request: HTTPConnection) -> str:  # noqa: ARG001 - the seam's whole point
    """The tenant that the request belongs to; all rows, keys and queries carry it."""
    return DEFAULT
