"""The views that questions are asked of."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add them."""
