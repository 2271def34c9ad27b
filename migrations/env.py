"""Runs the migrations against the application's own database."""

from alembic import context
from flask import current_app

from config.commands import told_in_a_sentence
from config.database import Base, UTCDateTime

migrate = current_app.extensions["migrate"]


def render_item(kind, item, autogen_context):
    """Write our column type as the plain type that it is in the database."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Run in one transaction; SQLite rebuilds a table where it cannot alter it."""
    engine = migrate.db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            compare_type=True,
            render_as_batch=True,
        )
        with context.begin_transaction():
            context.run_migrations()


with told_in_a_sentence():
    run()
