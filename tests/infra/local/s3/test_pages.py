"""Pages of a listing, without a server."""

from hypothesis import given
from hypothesis import strategies as st

from infra.local.s3.pages import Page, page

KEYS = st.lists(st.text("ab/", min_size=1, max_size=6), unique=True).map(sorted)


@given(keys=KEYS, prefix=st.sampled_from(["", "a", "a/"]), limit=st.integers(1, 3))
def test_pages_together_hold_everything_once(keys: list[str], prefix: str, limit: int) -> None:
    mine = [key for key in keys if key.startswith(prefix)]
    for delimiter in ("", "/"):
        whole = page(mine, prefix=prefix, delimiter=delimiter, after="", limit=1000)
        found, after, truncated = Page(), "", True
        while truncated:
            part = page(mine, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
            found.keys += part.keys
            found.prefixes += part.prefixes
            after, truncated = part.last, part.truncated
        assert (found.keys, found.prefixes) == (whole.keys, whole.prefixes)
        covered = [k for k in mine if k in found.keys or k.startswith(tuple(found.prefixes))]
        assert covered == mine


def test_a_page_of_nothing_says_that_it_is_the_last() -> None:
    assert page(["a"], prefix="", delimiter="", after="", limit=0) == Page()
