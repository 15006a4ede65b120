"""Links to jobs that were taken back."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add them."""
    op.execute("""
        CREATE TABLE IF NOT EXISTS shares (
            job TEXT NOT NULL,
            void_at timestamptz NOT NULL,
            PRIMARY KEY (job)
        )
    """)
