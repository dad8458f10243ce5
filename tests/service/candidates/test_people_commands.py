"""`likeness person` and `likeness case` on a real data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.candidates.intake import GivenDeclaration
from service.cli import run
from service.enrolment.receipts import receipt_is_genuine
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import migrate
from tests.service.enrolment.people_factory import House, make_house, make_person


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    from service.clock import SystemClock

    url = f"sqlite:///{tmp_path / 'data' / 'likeness.sqlite'}"
    (tmp_path / "data").mkdir()
    migrate(url)
    for name in ("LIKENESS_DATA_DIR", "LIKENESS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return make_house(url, tmp_path, SettableClock(SystemClock().now()))


def likeness(house: House, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["--data-dir", str(house.rooms.settings.data_dir), *arguments])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_people_are_listed_by_number_and_state_alone(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    _, case = make_person(house)
    code, said = likeness(house, capsys, "person", "list", "--json")
    assert code == 0
    (row,) = json.loads(said)
    assert (row["id"], row["state"]) == (str(case.person_id), "active")
    assert "Ada" not in said
    assert case.case_number not in said


def test_erasing_by_command_prints_the_signed_receipt(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    _, case = make_person(house)
    code, said = likeness(house, capsys, "person", "erase", str(case.person_id), "--yes", "--json")
    assert code == 0
    assert receipt_is_genuine(said.encode())
    assert not house.rooms.vault.has_person_key(case.person_id)
    code, said = likeness(house, capsys, "person", "erase", str(case.person_id), "--yes")
    assert code == 1
    assert "already" in said
    assert likeness(house, capsys, "person", "erase", "nobody", "--yes")[0] == 1


def test_a_csv_goes_into_a_case_wholly_or_not_at_all(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    person, case = make_person(house)
    file = tmp_path / "links.csv"
    file.write_text("url\nhttps://a.test/1.jpg\nnope nope\n")
    code, said = likeness(house, capsys, "case", "import", str(file), "--case", case.case_number)
    assert code == 1
    assert "Line 3" in said
    file.write_text("url\nhttps://a.test/1.jpg\nhttps://a.test/2.jpg\n")
    code, said = likeness(
        house, capsys, "case", "import", str(file), "--case", case.case_number, "--json"
    )
    assert code == 0
    assert len(json.loads(said)["candidates"]) == 2
    with house.rooms.database.write() as session:
        house.rooms.intake.add_links(
            session,
            person,
            case.person_id,
            ["https://a.test/1.jpg"],
            GivenDeclaration("Ada L.", agreed=True),
        )
    code, said = likeness(house, capsys, "case", "show", case.case_number, "--json")
    assert json.loads(said)["finds"] == {"waiting": 2}
    assert "Ada" not in said
    code, said = likeness(house, capsys, "case", "list")
    assert "2 waiting" in said


def test_a_case_number_that_is_none_is_told(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = likeness(house, capsys, "case", "show", "K7F3-9QXM-2P4D")
    assert code == 1
    assert "no case" in said
