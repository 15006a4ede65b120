"""Keys as file names."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.s3.errors import S3Error
from infra.local.s3.store import Store, file_of


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_no_key_leaves_its_bucket_or_hides_another(key: str) -> None:
    if max(len(quote(segment, safe="")) for segment in key.split("/")) > 249:
        with pytest.raises(S3Error):
            file_of(key)
        return
    name = file_of(key)
    assert name.endswith("=")
    segments = name.split("/")
    assert not {"", ".", ".."} & set(segments)
    assert all("=" not in segment for segment in segments[:-1])
    assert all(len(segment) <= 251 for segment in segments)


def test_every_key_is_found_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    store.create_bucket("bucket")
    keys = ["a", "a/", "a/b", "a//b", "/", ".", "..", "%", "%2E", "=", "a=", "a=/b", "é", " "]
    for key in keys:
        draft = store.draft()
        draft.publish(store.path("bucket", key), {})
    assert store.keys("bucket", "") == sorted(keys, key=str.encode)
    for key in keys:
        store.delete("bucket", key)
    store.delete_bucket("bucket")  # not one directory was left behind
