"""Whose fold it is, so that an older one stands by; and the jobs of a status without a search."""

from alembic import op

revision = "0002"
down_revision = "0001"

# Only additions, and again without harm: the release before works on with them, and one that is
# taken back and upgraded once more finds them there.
# The index comes first: whoever reads a checkpoint waits for the end once its table is altered.
ADDITIONS = """
CREATE INDEX IF NOT EXISTS jobs_status ON jobs (tenant, status, id);
ALTER TABLE checkpoints ADD COLUMN IF NOT EXISTS schema INTEGER DEFAULT 1 NOT NULL
"""


def upgrade() -> None:
    """Add both."""
    for statement in ADDITIONS.split(";\n"):
        op.execute(statement)
