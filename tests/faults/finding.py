"""What looking at one invariant gave: how many facts were looked at, and what was wrong."""

from dataclasses import dataclass, field

SHOWN = 5


@dataclass
class Finding:
    """One line of the checker's table. No fact looked at proves nothing, so the number is shown.

    elsewhere: who checks it instead, where this suite cannot.
    """

    number: int
    name: str
    facts: int = 0
    wrong: list[str] = field(default_factory=list)
    note: str = ""
    elsewhere: str = ""

    def __str__(self) -> str:
        if self.elsewhere:
            return f"{self.number:3}. {self.name}: {self.elsewhere}"
        verdict = f"{len(self.wrong)} WRONG" if self.wrong else "holds"
        lines = [f"{self.number:3}. {self.name}: {verdict}, {self.facts} facts looked at"]
        if self.note:
            lines[0] += f" ({self.note})"
        return "\n".join(lines + [f"       {text[:600]}" for text in self.wrong[:SHOWN]])

    def check(self, holds: object, otherwise: str) -> None:
        """Look at one fact."""
        self.facts += 1
        if not holds:
            self.wrong.append(otherwise)
