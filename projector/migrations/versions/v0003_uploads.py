"""Uploads under way: what has come of each file so far; and the jobs of a day without a search."""

from alembic import op

revision = "0003"
down_revision = "0002"

ADDITIONS = """
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    filename TEXT NOT NULL,
    media_type TEXT NOT NULL,
    length BIGINT NOT NULL,
    multipart TEXT NOT NULL,
    turn INTEGER DEFAULT 0 NOT NULL,
    number INTEGER DEFAULT 0 NOT NULL,
    stored BIGINT DEFAULT 0 NOT NULL,
    numbers INTEGER[] DEFAULT '{}' NOT NULL,
    etags TEXT[] DEFAULT '{}' NOT NULL,
    moved_at timestamptz DEFAULT now() NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX IF NOT EXISTS jobs_submitted ON jobs (tenant, submitted_at)
"""


def upgrade() -> None:
    """Add both."""
    for statement in ADDITIONS.split(";\n"):
        op.execute(statement)
