"""What engines and people say, cut to what an event can hold."""

REASON, WARNING = 1000, 200
"""Characters of a reason and of one warning."""
WARNINGS = 15
"""Warnings of one fact."""


def reason(text: str) -> str:
    """Why something happened."""
    return _cut(text, REASON)


def warnings(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Each warning once and short; how many more there were stands for the rest."""
    kept = tuple(dict.fromkeys(_cut(text, WARNING) for text in texts))
    more = len(kept) - WARNINGS
    return kept if more <= 0 else (*kept[: WARNINGS - 1], f"… and {more + 1} more warnings")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
