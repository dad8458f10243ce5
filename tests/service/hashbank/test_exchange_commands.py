"""`likeness hashes` on a real data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.cli import run
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import migrate
from tests.service.enrolment.people_factory import House, make_house
from tests.service.hashbank.exchange_factory import hma_peer

PDQ = "ab" * 32


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    url = f"sqlite:///{tmp_path / 'data' / 'likeness.sqlite'}"
    (tmp_path / "data").mkdir()
    migrate(url)
    for name in ("LIKENESS_DATA_DIR", "LIKENESS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return make_house(url, tmp_path, SettableClock())


class Shell:
    """Runs commands; what they said is on stdout, and what was wrong on stderr."""

    def __init__(self, house: House, capsys: pytest.CaptureFixture[str]) -> None:
        self._house = house
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        data_dir = str(self._house.rooms.settings.data_dir)
        ended = run(["--data-dir", data_dir, "hashes", *arguments])
        captured = self._capsys.readouterr()
        assert ended == code, captured.err
        return captured.out + captured.err

    def json(self, *arguments: str) -> object:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def shell(installed: House, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(installed, capsys)


ADD = ("--given-by", "A partner", "--terms", "Agreement", "--signed-by", "Olga O.")


def test_from_adding_a_list_to_its_removal(shell: Shell, tmp_path: Path) -> None:
    said = shell("add", "Partners", "--action", "match", *ADD, code=1)
    assert "tick the statement" in said
    shell("add", "Partners", "--action", "match", *ADD, "--entitled")
    file = tmp_path / "list.txt"
    file.write_text(f"pdq {PDQ}\nphotodna x\n")
    imported = shell.json("import", "Partners", str(file))
    assert imported == {"added": 1, "removed": 0, "entries": 1, "left_out": {"photodna": 1}}
    assert "0 added, 0 removed; 1 in force." in shell("import", "Partners", str(file))
    file.write_text(f"{'cd' * 32}\nbroken\n")
    said = shell("import", "Partners", str(file), "--kind", "pdq", code=1)
    assert "Line 2: This is no PDQ hash. Nothing was changed." in said
    (row,) = shell.json("list")  # type: ignore[misc]
    assert row["entries"] == {"pdq": 1, "sha256": 0, "md5": 0}
    assert "Partners" in shell("list")
    assert "see `likeness hashes list`" in shell("remove", "Nothing", code=1)
    assert "not there" not in shell("remove", "Partners")
    assert shell.json("list") == []


def test_a_missing_file_or_kind_is_said_to_be(shell: Shell, tmp_path: Path) -> None:
    shell("add", "Partners", "--action", "stop", *ADD, "--entitled")
    assert "nowhere.txt" in shell("import", "Partners", str(tmp_path / "nowhere.txt"), code=1)
    said = shell("import", "Partners", str(tmp_path / "x"), "--kind", "photodna", code=1)
    assert '"pdq", "sha256" or "md5"' in said


def test_a_peer_is_connected_asked_and_fetched_from(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    with hma_peer(token="typed-secret") as peer:
        monkeypatch.setenv("LIKENESS_ADDRESS_EXCEPTIONS", f'["127.0.0.1:{peer.port}"]')
        peer.bank("NCII", PDQ)
        shell(
            "connect",
            "Peer",
            "--kind",
            "hma",
            "--run-by",
            "A partner",
            "--terms",
            "Agreement",
            "--signed-by",
            "Olga O.",
            "--entitled",
            "--address",
            peer.address,
        )
        assert "credentials are not accepted" in shell("peer", "Peer", code=1)
        monkeypatch.setattr("sys.stdin", io.StringIO("typed-secret\n"))
        said = shell("credentials", "Peer", "--stdin")
        assert "typed-secret" not in said
        asked = shell.json("peer", "Peer", "--hash", PDQ)
        assert asked == {
            "banks": ["NCII"],
            "indexes": {"pdq": 1},
            "matching_banks": ["NCII"],
            "matches": [{"content_id": 1, "distance": "0"}],
        }
        shell(
            "add",
            "Bank",
            "--action",
            "match",
            *ADD,
            "--entitled",
            "--connection",
            "Peer",
            "--selection",
            "NCII",
        )
        assert shell.json("fetch", "Bank") == {
            "added": 1,
            "removed": 0,
            "entries": 1,
            "left_out": {},
        }
