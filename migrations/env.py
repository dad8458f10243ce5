"""How Alembic reaches the database: by the engine that the caller gives, else by the settings.

On SQLite tables are altered by copying them (`render_as_batch`); each revision runs in one
transaction, so that a failed one leaves the schema as it was.
"""

from __future__ import annotations

from importlib import import_module

from alembic import context
from sqlalchemy import Connection, Engine

from migrations.rooms import ROOMS_WITH_TABLES
from service.database import Base, Database
from service.settings import Settings

_LOCK = 0x6D6967726174

for room in ROOMS_WITH_TABLES:
    import_module(f"service.{room}.models")


def run(engine: Engine) -> None:
    """Run the asked-for revisions on `engine`, alone: a second process waits and finds it done."""
    with engine.execution_options(likeness_write=True).connect() as connection:
        if connection.dialect.name == "sqlite":
            # altering by copying drops tables that others refer to; checked again at the end
            _sqlite_foreign_keys(connection, "OFF")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                render_as_batch=connection.dialect.name == "sqlite",
                compare_type=True,
            )
            with context.begin_transaction():
                context.run_migrations()
            if connection.dialect.name == "sqlite":
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise RuntimeError(f"a revision left rows that refer to nothing: {broken[:3]}")
        if connection.dialect.name == "sqlite":
            _sqlite_foreign_keys(connection, "ON")


def _sqlite_foreign_keys(connection: Connection, state: str) -> None:
    """Outside any transaction, where alone this pragma has an effect."""
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.execute(f"PRAGMA foreign_keys={state}")


given = context.config.attributes.get("engine")
if given is not None:
    run(given)
else:
    database = Database.open(Settings().effective_database_url)
    try:
        run(database.engine)
    finally:
        database.close()
