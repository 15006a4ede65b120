"""A clock an hour off, as S3 sees it."""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from streams import skew
from streams.artifacts import Artifacts
from streams.settings import Settings

OFF = timedelta(hours=1)


@pytest.mark.parametrize("off", [OFF, -OFF], ids=["ahead", "behind"])
async def test_a_clock_that_s3_refuses_is_corrected_by_its_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    monkeypatch.setattr(skew.ByTheirClock, "behind", off)
    async with Artifacts(settings) as artifacts:
        await artifacts.probe()  # a HEAD: its refusal has no body that could say why
        made = await artifacts.put("a", b"words", "text/plain")
        assert await artifacts.get(made) == b"words"
    assert abs(skew.ByTheirClock.behind) < skew.NOTICED


async def test_a_refusal_for_another_reason_is_told_at_once(settings: Settings) -> None:
    wrong = replace(settings, s3_secret_key="another")
    async with Artifacts(wrong) as artifacts:
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            await artifacts.put("a", b"words", "text/plain")
    assert abs(skew.ByTheirClock.behind) < skew.NOTICED
