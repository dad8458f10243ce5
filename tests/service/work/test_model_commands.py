"""`likeness models`: choosing before the first start, changing later, and what programs read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.faces import DEFAULT_PACK
from service.cli import run
from service.work.installed_models import InstalledModels
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.houses import cheap_secrets
from tests.service.enrolment.model_factory import build, change_of, models_of, name_model
from tests.service.enrolment.people_factory import House, make_house, make_person
from tests.service.work.packs_factory import SECOND, describe_second, models_with_two_packs

__all__ = ["cheap_secrets"]

pytestmark = pytest.mark.slow


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = models_with_two_packs(tmp_path)
    monkeypatch.setenv("LIKENESS_MODELS_DIR", str(folder))
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path / "data"))
    return folder


@pytest.fixture
def house(
    models_dir: Path,
    sqlite_template: SqliteTemplate,
    tmp_path: Path,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    url = sqlite_template.new_migrated_url(tmp_path)
    monkeypatch.setenv("LIKENESS_DATABASE_URL", url)
    made = make_house(url, tmp_path, clock)
    made.eyes.model = InstalledModels(models_dir).stamp(DEFAULT_PACK)
    name_model(made, made.eyes.model)
    yield made
    made.rooms.close()


def test_before_the_first_start_it_is_a_line_of_the_settings(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "use", SECOND, "--runtime", "onnxruntime", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"pack": SECOND, "state": "chosen"}
    lines = (tmp_path / "data" / "likeness.env").read_text("utf-8").splitlines()
    assert set(lines) == {f"LIKENESS_PACK={SECOND}", "LIKENESS_RUNTIME=onnxruntime"}
    assert not (tmp_path / "data" / "likeness.sqlite").exists()


def test_a_command_before_the_first_start_is_no_start(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "status"]) != 0
    assert "start `likeness serve` once" in capsys.readouterr().err
    assert (tmp_path / "data" / "likeness.sqlite").exists()
    assert run(["models", "use", SECOND, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"pack": SECOND, "state": "chosen"}


def test_later_it_is_a_change_that_workers_build(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    _, case = make_person(house)
    assert run(["models", "use", SECOND, "--no-wait", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["state"], row["photos"], row["made"]) == ("building", 1, 0)
    build(house)
    assert run(["models", "status", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["in_use"]["pack"], row["change"]["state"]) == (SECOND, "switched")
    assert run(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in listed if each["in_use"]] == [SECOND]
    assert run(["models", "confirm"]) == 0
    assert models_of(house, case.person_id) == [SECOND]
    assert run(["models", "back"]) == 1
    assert "no open change" in capsys.readouterr().err


def test_it_waits_until_the_new_model_searches(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    make_person(house, photos=(b"face:ada#1", b"face:ada#2"))
    with workers(house):
        assert run(["models", "use", SECOND]) == 0
    assert f"{SECOND} searches: 2 of 2 photos done." in capsys.readouterr().out


def test_it_says_who_would_be_lost_and_leaves_the_switch_to_the_operator(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    _, case = make_person(house)
    for file in (house.rooms.settings.files_dir / str(case.person_id)).iterdir():
        file.unlink()
    with workers(house):
        assert run(["models", "use", SECOND, "--json"]) == 5
    row = json.loads(capsys.readouterr().out)
    assert (row["state"], row["people_lost"]) == ("ready", 1)
    assert run(["models", "status"]) == 0
    said = capsys.readouterr().out
    assert "1 photo: This photo is no longer kept" in said
    assert "would not be found by their face any more" in said


@contextmanager
def workers(house: House) -> Iterator[None]:
    """Somebody builds in the background."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            build(house)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_going_back_and_giving_up(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    _, case = make_person(house)
    assert run(["models", "use", SECOND, "--no-wait"]) == 0
    assert run(["models", "use", SECOND, "--no-wait"]) == 1
    assert "is being built" in capsys.readouterr().err
    assert run(["models", "abandon"]) == 0
    assert run(["models", "use", SECOND, "--no-wait", "--ask"]) == 0
    build(house)
    assert change_of(house).state == "ready"
    assert run(["models", "switch"]) == 0
    assert run(["models", "back"]) == 0
    assert models_of(house, case.person_id) == [DEFAULT_PACK]


def test_the_one_in_use_is_not_changed(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "use", DEFAULT_PACK]) == 0
    assert "searches already" in capsys.readouterr().out


def test_where_nobody_has_a_photo_it_is_used_at_once(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "use", SECOND, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "confirmed"


def test_a_licence_is_asked_for_before_anything_is_begun(
    house: House, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe_second(models_dir, needs_acceptance=True)
    assert run(["models", "use", SECOND, "--no-wait"]) != 0
    assert "permit" in capsys.readouterr().err
    assert run(["models", "use", SECOND, "--no-wait", "--accept-licence"]) == 0


def test_files_that_do_not_run_are_found_before_anybody_waits(
    house: House, models_dir: Path
) -> None:
    recogniser = next((models_dir / SECOND).glob("face_recognition_sface_2021dec_int8bq.onnx"))
    recogniser.write_bytes(recogniser.read_bytes()[:-8] + bytes(8))
    assert run(["models", "use", SECOND, "--no-wait"]) != 0
    with house.rooms.database.read() as session:
        assert house.rooms.models.open_change(session) is None


def test_an_unknown_runtime_is_refused(models_dir: Path) -> None:
    assert run(["models", "use", SECOND, "--runtime", "quantum"]) != 0
