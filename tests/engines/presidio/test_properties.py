"""What holds of any transcript: what a recogniser knows is left nowhere, everything else is."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engines.presidio.redact import redacted
from streams.transcript import Clean, Notes, Segment, Transcript, Word
from tests.engines.presidio.test_marks import names

PLAIN = ("hello", "and", "so", "smith,", "well.")
texts = st.lists(st.sampled_from((*PLAIN, "John", "John.", "(John", "Smith")), max_size=8)


@st.composite
def timed(draw: st.DrawFn, *, loud: bool = False) -> tuple[Word, ...]:
    """Words a second long."""
    found = draw(texts)
    return tuple(Word(text.upper() if loud else text, n, n + 1) for n, text in enumerate(found))


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """What was said, with or without words, the same as the text or not; clean text or none."""
    words, fair = draw(timed()), draw(timed())
    text = " ".join(word.text for word in words) if draw(st.booleans()) else " ".join(draw(texts))
    clean = Clean(" ".join(word.text for word in fair), fair if draw(st.booleans()) else ())
    return Segment(
        0, 8, text,
        words if draw(st.booleans()) else (),
        channel=draw(st.sampled_from((None, 0, 1))),
        clean=clean if draw(st.booleans()) else None,
    )  # fmt: skip


@given(st.lists(segments(), max_size=5), texts)
def test_what_is_found_is_left_nowhere(found: list[Segment], said: list[str]) -> None:
    notes = Notes(" ".join(said))
    whole = Transcript(duration=60, segments=tuple(found), language="en", notes=notes)
    made = redacted(whole, names, ("PERSON",))
    assert "John" not in msgspec.json.encode(made).decode()
    for before, after in zip(found, made.segments, strict=True):
        listed = [one for one in made.redactions if found[one.segment] is before]
        assert ("[PERSON]" in after.text) <= bool(listed)
        assert all(before.start <= one.start <= one.end <= before.end for one in listed)
        if "[PERSON]" not in after.text:
            assert after.text == before.text


@given(st.lists(segments(), max_size=5))
def test_without_findings_nothing_is_changed(found: list[Segment]) -> None:
    whole = Transcript(duration=60, segments=tuple(found), language="en")
    assert redacted(whole, lambda _: (), ("PERSON",)) == whole


@given(st.lists(segments(), max_size=5))
def test_a_masked_transcript_has_nothing_more_to_mask(found: list[Segment]) -> None:
    whole = Transcript(duration=60, segments=tuple(found), language="en")
    once = redacted(whole, names, ("PERSON",))
    again = redacted(once, names, ("PERSON",))
    assert again.segments == once.segments
