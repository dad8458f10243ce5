"""What every command of `likeness` is given: the settings, and a way to open the rooms.

Commands live in their rooms (`commands.py`) and may not import `service.app`; they get it here:

    @app.command()
    def show(context: typer.Context) -> None:
        with rooms_of(context) as rooms, rooms.database.read() as session: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from service.settings import Settings


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Carried in `typer.Context.obj`. `open_rooms` is `service.app.build_rooms`."""

    settings: Settings
    open_rooms: Callable[[Settings], Any]
    create_web: Callable[..., Any]


def command_context(context: typer.Context) -> CommandContext:
    """The context of the running command."""
    found = context.find_object(CommandContext)
    if found is None:
        raise RuntimeError("commands run below the `likeness` command only")
    return found


def settings_of(context: typer.Context) -> Settings:
    """The installation's settings."""
    return command_context(context).settings


@contextmanager
def rooms_of(context: typer.Context, *, check_schema: bool = True) -> Iterator[Any]:
    """All rooms, opened for one command; refuses a schema of another version."""
    from service.database_migration import check_current  # noqa: PLC0415 - loads Alembic

    found = command_context(context)
    rooms = found.open_rooms(found.settings)
    try:
        if check_schema:
            check_current(rooms.database)
        yield rooms
    finally:
        rooms.close()
