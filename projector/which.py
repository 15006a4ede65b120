"""Which jobs of a list are wanted: a filter as SQL, for jobs and for what is only accepted yet."""

from datetime import datetime
from typing import Any

import msgspec

STAGE = "EXISTS (SELECT FROM stages WHERE job = jobs.id AND status <> 'skipped'{more})"


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """What is None does not matter; what is given holds all together.

    ``name`` is part of the file's name in whatever case, times are of the submission, from
    ``since`` on and before ``until``. ``stage``, ``engine`` and ``model``: one stage has them all,
    and was not left out.
    """

    status: str | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    stage: str | None = None
    engine: str | None = None
    model: str | None = None

    @property
    def by_stage(self) -> bool:
        """Whether it asks for a stage, which a job has that began."""
        return any(value is not None for value in (self.stage, self.engine, self.model))

    def of_jobs(self, before: str | None) -> tuple[str, dict[str, Any]]:
        """The conditions on rows of `jobs`, older than ``before``, and their values."""
        clauses, values = self._on("submitted_at", before)
        if self.status is not None:
            clauses, values = [*clauses, "status = :status"], values | {"status": self.status}
        stage = {"stage": self.stage, "engine": self.engine, "model": self.model}
        stage = {name: value for name, value in stage.items() if value is not None}
        if stage:
            more = "".join(f" AND {name} = :{name}" for name in stage)
            clauses, values = [*clauses, STAGE.format(more=more)], values | stage
        return _joined(clauses), values

    def of_submissions(self, before: str | None) -> tuple[str, dict[str, Any]]:
        """The same on rows of `submissions`, which have neither a status nor stages."""
        clauses, values = self._on("accepted_at", before)
        return _joined(clauses), values

    def _on(self, time: str, before: str | None) -> tuple[list[str], dict[str, Any]]:
        given = {
            "before": ("id < :before", before),
            "name": ("strpos(lower(filename), lower(:name)) > 0", self.name),
            "since": (f"{time} >= :since", self.since),
            "until": (f"{time} < :until", self.until),
        }
        chosen = {name: pair for name, pair in given.items() if pair[1] is not None}
        return (
            [clause for clause, _ in chosen.values()],
            {name: value for name, (_, value) in chosen.items()},
        )


ALL = Which()


def _joined(clauses: list[str]) -> str:
    return "".join(f" AND {clause}" for clause in clauses)
