"""The schema's versions: bring a database to the newest one, and say which one it is at.

The revisions are the package `migrations`, beside `service` in a checkout and installed with it.
`serve` upgrades at its start; every other command only checks.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine

from service.database import Database
from service.errors import NotConfiguredError

NEWEST = "head"
NOTHING = "base"


class SchemaVersionError(NotConfiguredError):
    """The database's schema is older or newer than this program."""

    code = "schema_version"


def upgrade(database: Database, revision: str = NEWEST) -> None:
    """Bring the schema up to `revision`; nothing happens when it is there already."""
    _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str = NOTHING) -> None:
    """Bring the schema down to `revision`. Whatever the newer tables held is lost."""
    _run(database, lambda config: command.downgrade(config, revision))


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The newest revision that this program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def check_current(database: Database) -> None:
    """Refuse to work on a schema that is not the one this program was made for."""
    current, newest = current_revision(database.engine), newest_revision()
    if current == newest:
        return
    if current is None:
        raise SchemaVersionError("The database is empty: start `likeness serve` once to create it.")
    raise SchemaVersionError(
        f"The database is at schema {current}, this program needs {newest}: start "
        "`likeness serve` once to upgrade it, or use the program that made it."
    )


def _run(database: Database, step: Callable[[Config], None]) -> None:
    config = _config()
    config.attributes["engine"] = database.engine
    try:
        step(config)
    except CommandError as error:
        raise SchemaVersionError(
            "The database was made by a newer program than this one; use that one, or restore "
            f"an older copy ({error})."
        ) from error


def _config() -> Config:
    spec = find_spec("migrations")
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    beside = Path(__file__).resolve().parents[1] / "migrations"
    folder = next((place for place in [*map(Path, locations), beside] if place.is_dir()), None)
    if folder is None or not (folder / "env.py").is_file():
        raise NotConfiguredError("The schema's revisions (package `migrations`) are missing.")
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
