"""Uploads under way: what has come of each file so far."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add them."""
