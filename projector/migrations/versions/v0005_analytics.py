"""What the views of analytics look for: events of a time, and the few jobs that are erased.

The views themselves are made after every migration: projector.views.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

# BRIN: the archive grows in the order of time, so a thousandth of a B-tree's size is enough, and an
# event costs nothing more to write.
ADDITIONS = """
CREATE INDEX IF NOT EXISTS events_time ON events USING brin (time) WITH (autosummarize = on);
CREATE INDEX IF NOT EXISTS jobs_erased ON jobs (id) WHERE erased
"""


def upgrade() -> None:
    """Add both."""
    for statement in ADDITIONS.split(";\n"):
        op.execute(statement)
