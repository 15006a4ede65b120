"""One page of a listing: its keys, its common prefixes, where the next one begins (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Page:
    """At most `limit` keys and prefixes together; `last` is the one to go on after."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""


def page(keys: Iterable[str], *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """The page of sorted `keys` that follows `after`, a key or a common prefix."""
    result = Page()
    if limit == 0:
        return result
    for key in keys:
        group = common_prefix(key, prefix, delimiter)
        item = group or key
        if key.encode() <= after.encode() or item in (after, result.last):
            continue
        if len(result.keys) + len(result.prefixes) == limit:
            result.truncated = True
            break
        (result.prefixes if group else result.keys).append(item)
        result.last = item
    return result


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """What a key is shown as when a delimiter follows the prefix in it; else nothing."""
    if not delimiter:
        return ""
    head, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + delimiter if found else ""
