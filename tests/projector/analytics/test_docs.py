"""docs/analytics.md says what there is, and its examples work."""

import re
from pathlib import Path

from projector.analytics import catalog
from tests.projector.analytics.chronicle import Chronicle, bring
from tests.projector.analytics.conftest import Asker

DOCUMENT = Path(__file__).parents[3] / "docs" / "analytics.md"


def test_the_document_lists_the_views_and_questions_that_there_are() -> None:
    assert DOCUMENT.read_text().endswith("\n".join(catalog.lines())), (
        "put what `python -m projector.analytics.catalog` prints at the end of docs/analytics.md"
    )


async def test_every_example_of_the_document_is_answered(asker: Asker) -> None:
    await bring(asker.driver, await Chronicle(1).write(100))
    [examples] = re.findall(
        r"their answers are:\n\n```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL
    )
    statements = [one for one in examples.split(";") if one.strip()]
    assert len(statements) >= 7
    for statement in statements:
        await asker.rows(statement)
