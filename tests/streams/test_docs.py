from pathlib import Path

from streams import docs
from streams.cloudevents import cloud_event
from streams.events import FACTS

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def test_the_page_on_events_is_what_the_code_says() -> None:
    assert PAGE.read_text() == docs.document(), "run: python -m streams.docs > docs/events.md"


def test_every_type_and_its_meaning_are_on_it() -> None:
    page = docs.document()
    for name, kind in FACTS.items():
        assert f"\n### {name}\n\n{kind.__doc__.split()[0] if kind.__doc__ else ''}" in page


def test_the_example_is_a_real_event() -> None:
    assert cloud_event(docs.EXAMPLE)["data"]["usage"]["model"] == "base"
