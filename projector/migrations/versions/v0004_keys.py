"""Keys, sessions, tickets, and what the server alone knows."""

from alembic import op

revision = "0004"
down_revision = "0003"

ADDITIONS = """
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (id),
    CONSTRAINT api_keys_prefix UNIQUE (prefix)
);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT NOT NULL,
    key TEXT NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (hash)
);
CREATE INDEX IF NOT EXISTS sessions_key ON sessions (key);
CREATE TABLE IF NOT EXISTS tickets (
    hash TEXT NOT NULL,
    key TEXT NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (hash)
);
CREATE TABLE IF NOT EXISTS secrets (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)
"""


def upgrade() -> None:
    """Add them."""
    for statement in ADDITIONS.split(";\n"):
        op.execute(statement)
