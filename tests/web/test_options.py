import pytest

from streams.events import JobRequest
from web.errors import BadRequest
from web.options import parse


def test_lists_and_objects_of_a_form_may_be_json_or_plain() -> None:
    wanted = JobRequest(
        redact_kinds=("PERSON", "EMAIL_ADDRESS"), engines={"align": "whisperx", "diarize": "x"}
    )
    plain = {"redact_kinds": "PERSON, EMAIL_ADDRESS", "engines": "align=whisperx,diarize=x"}
    as_json = {
        "redact_kinds": '["PERSON", "EMAIL_ADDRESS"]',
        "engines": '{"align": "whisperx", "diarize": "x"}',
    }
    assert parse(plain) == parse(as_json) == wanted


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("required", "[1]", "Field 'required' takes a JSON list, or a,b"),
        ("models", "align", "Field 'models' takes a JSON object of strings, or a=b,c=d"),
        ("models", "[]", "Field 'models' takes a JSON object"),
        ("redact_audio", "scramble", "Field 'redact_audio' does not take 'scramble'"),
        ("min_speakers", "two", "Field 'min_speakers' does not take 'two'"),
        ("diarise", "true", "Unknown field 'diarise'"),
    ],
)
def test_what_a_field_does_not_take_is_named(name: str, text: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        parse({name: text})
