"""Alembic's migrations of the schema, run by `projector.database.migrate`."""
