"""The command line as a whole: rooms' commands, errors as exit codes, settings from a file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from indexer.errors import IndexerError
from service import __version__, cli
from service.command_context import rooms_of, settings_of
from service.errors import ConflictError, NotConfiguredError
from tests.fixtures.databases import SqliteTemplate

PASSWORD = "four unrelated words do"


@pytest.fixture
def installation(
    tmp_path: Path, sqlite_template: SqliteTemplate, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An installation with its tables, which the commands find by the environment."""
    sqlite_template.new_migrated_url(tmp_path)
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def with_command(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """A room's commands of this test's own, found like those of every room."""
    app = typer.Typer()

    class Room:
        pass

    room = Room()
    room.app = app  # type: ignore[attr-defined]
    real = cli.import_module
    monkeypatch.setattr(cli, "COMMAND_MODULES", ("service.accounts.commands", "test.room"))
    monkeypatch.setattr(cli, "_exists", lambda module: True)
    monkeypatch.setattr(
        cli, "import_module", lambda module: room if module == "test.room" else real(module)
    )
    return app


def test_every_room_with_commands_is_known() -> None:
    root = Path(__file__).resolve().parents[2]
    found = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for package in ("service", "indexer")
        for path in (root / package).rglob("commands.py")
    }
    assert found <= set(cli.COMMAND_MODULES)


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__
    pyproject = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    assert f'version = "{__version__}"' in pyproject


@pytest.mark.parametrize("arguments", [["nonsense"], ["account", "nonsense"], ["--nonsense"]])
def test_an_unknown_command_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    assert "nonsense" in capsys.readouterr().err


def test_a_list_that_is_no_json_is_one_line_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIKENESS_ADDRESS_EXCEPTIONS", "127.0.0.1:8899")
    assert cli.run(["account", "setup-link"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("LIKENESS_ADDRESS_EXCEPTIONS: it is not a JSON list")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ConflictError("It was done already."), 1),
        (NotConfiguredError("Set this first."), 2),
        (IndexerError("The picture is broken."), 1),
    ],
)
def test_what_goes_wrong_on_purpose_is_one_line_and_an_exit_code(
    with_command: typer.Typer,
    error: Exception,
    exit_code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @with_command.command()
    def fail() -> None:
        raise error

    assert cli.run(["fail"]) == exit_code
    said = capsys.readouterr()
    assert said.err.strip() == str(error)
    assert said.out == ""


def test_a_fault_of_ours_is_not_hidden(with_command: typer.Typer) -> None:
    @with_command.command()
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.run(["fail"])


def test_a_command_may_end_with_a_code_of_its_own(with_command: typer.Typer) -> None:
    @with_command.command()
    def check(code: Annotated[int, typer.Argument()]) -> None:
        raise typer.Exit(code)

    assert [cli.run(["check", str(code)]) for code in (0, 1, 3)] == [0, 1, 3]


def test_settings_come_from_the_data_folder_and_the_environment_wins(
    with_command: typer.Typer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @with_command.command()
    def show(context: typer.Context) -> None:
        settings = settings_of(context)
        typer.echo(f"{settings.data_dir} {settings.port} {settings.held_days}")

    (tmp_path / "likeness.env").write_text("LIKENESS_PORT=8123\nLIKENESS_HELD_DAYS=7\n")
    monkeypatch.setenv("LIKENESS_HELD_DAYS", "9")
    assert cli.run(["--data-dir", str(tmp_path), "show"]) == 0
    assert capsys.readouterr().out.strip() == f"{tmp_path} 8123 9"


def test_a_setting_that_cannot_be_is_named(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIKENESS_PORT", "99999")
    assert cli.run(["account", "list"]) == 2
    assert "LIKENESS_PORT: " in capsys.readouterr().err


def test_a_command_refuses_a_database_without_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["--data-dir", str(tmp_path / "new"), "account", "list"]) == 2
    assert "likeness serve" in capsys.readouterr().err


def test_rooms_are_closed_when_a_command_fails(
    with_command: typer.Typer, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.app import Rooms

    closed: list[bool] = []
    real = Rooms.close
    monkeypatch.setattr(Rooms, "close", lambda self: (closed.append(True), real(self))[1])

    @with_command.command()
    def fail(context: typer.Context) -> None:
        with rooms_of(context):
            raise ConflictError("no")

    assert cli.run(["fail"]) == 1
    assert closed == [True]


def test_links_of_the_command_line_let_the_operator_in(
    installation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from service.app import build_rooms
    from service.settings import Settings

    assert cli.run(["account", "setup-link", "--json"]) == 0
    link = json.loads(capsys.readouterr().out)["link"]
    token = re.fullmatch(r"http://127\.0\.0\.1:8000/setup/([\w-]+)", link)
    assert token
    rooms = build_rooms(Settings(data_dir=installation))
    with rooms.database.write() as session:
        rooms.accounts.set_up(session, token.group(1), "Helpline", "olga", PASSWORD)
    assert cli.run(["account", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["username"], row["role"], row["active"]) == ("olga", "operator", True)

    assert cli.run(["account", "new-password-link", "OLGA"]) == 0
    link = capsys.readouterr().out.strip()
    with rooms.database.write() as session:
        rooms.accounts.set_new_password(session, link.rpartition("/")[2], "another four words")
    assert cli.run(["account", "new-password-link", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err
    rooms.close()


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "--data-dir", str(tmp_path), "account", "list"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
