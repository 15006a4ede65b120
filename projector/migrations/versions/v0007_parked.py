"""Parked stages without a search: there are few among millions, and people look for them."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the index."""
    op.execute(
        "CREATE INDEX IF NOT EXISTS stages_parked ON stages (tenant, job, stage) "
        "WHERE status = 'parked'"
    )
