"""The command line `likeness`: every room's commands under one name, errors as exit codes.

A room with commands has a module `commands` with `app = typer.Typer(...)`. An app without a name
adds its commands and groups at the top; one with a name becomes a group. What goes wrong on
purpose is one line on stderr and the exit code of its class; anything else is a fault of ours.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from indexer.errors import IndexerError
from service import __version__
from service.command_context import CommandContext
from service.errors import LikenessError
from service.settings import Settings

COMMAND_MODULES = (
    "service.accounts.commands",
    "service.audit.commands",
    "service.enrolment.commands",
    "service.hashbank.commands",
    "service.hashbank.exchange.commands",
    "service.sources.commands",
    "service.sources.run_commands",
    "service.candidates.commands",
    "service.exhibits.commands",
    "service.notices.commands",
    "service.reports.commands",
    "service.work.commands",
    "service.demo.commands",
    "indexer.faces.commands",
    "indexer.benchmarks.commands",
)
BAD_SETTINGS_EXIT_CODE = 2


def build_cli() -> typer.Typer:
    """The root command with the commands of every room that has some."""
    root = typer.Typer(
        name="likeness",
        help="Reverse search for people whose intimate or faked pictures are spread.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_root)
    for module in COMMAND_MODULES:
        if not _exists(module):
            continue
        app = import_module(module).app
        if not isinstance(app, typer.Typer):
            raise TypeError(f"{module}.app is not a typer.Typer")
        root.add_typer(app)
    return root


def _exists(module: str) -> bool:
    room = module.rpartition(".")[0]
    return find_spec(room) is not None and find_spec(module) is not None


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code, with what went wrong said on stderr."""
    try:
        build_cli()(arguments, prog_name="likeness")
    except (LikenessError, IndexerError) as error:
        return _said(str(error), getattr(error, "exit_code", 1))
    except ValidationError as error:
        return _said(_about_settings(error), BAD_SETTINGS_EXIT_CODE)
    except SettingsError as error:
        return _said(_about_no_json(error), BAD_SETTINGS_EXIT_CODE)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _root(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where this installation keeps everything.")
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Say the version."),
    ] = False,
) -> None:
    """Reverse search for people whose intimate or faked pictures are spread."""
    context.obj = CommandContext(_settings(data_dir), _open_rooms, _create_web)


def _settings(data_dir: Path | None) -> Settings:
    chosen: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    file = Settings(**chosen).data_dir / "likeness.env"
    return Settings(_env_file=file, **chosen) if file.is_file() else Settings(**chosen)


def _open_rooms(settings: Settings, **choices: Any) -> Any:
    # imported late: most commands need no rooms, and should start at once
    from service.app import build_rooms  # noqa: PLC0415

    return build_rooms(settings, **choices)


def _create_web(rooms: Any, **choices: Any) -> Any:
    from service.app import create_web  # noqa: PLC0415 - only `serve` needs the web

    return create_web(rooms, **choices)


def _about_settings(error: ValidationError) -> str:
    lines = [
        f"LIKENESS_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
        for problem in error.errors()
    ]
    return "\n".join(lines)


def _about_no_json(error: SettingsError) -> str:
    named = re.search(r'field "(\w+)"', str(error))
    setting = f"LIKENESS_{named[1].upper()}" if named else "A setting with several values"
    return f'{setting}: it is not a JSON list, such as ["one", "two"] with its quotation marks.'


def _said(message: str, exit_code: int) -> int:
    typer.echo(message, err=True)
    return exit_code


if __name__ == "__main__":
    main()
