"""Alembic's entry: migrate on the connection, and in the transaction, that it is handed."""

from alembic import context

from projector.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
