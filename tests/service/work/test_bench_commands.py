"""`likeness bench`: figures of a folder, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import skimage
from PIL import Image

from service import cli

PACKAGED = Path(skimage.__file__).parent / "data"
FEW = ("--limit", "2", "--edits", "recompress q50", "--kinds", "upright", "--kinds", "SHA-256")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path / "not-there"))
    made = tmp_path / "pictures"
    made.mkdir()
    for name in ("astronaut", "chelsea", "coffee"):
        with Image.open(PACKAGED / f"{name}.png") as image:
            image.save(made / f"{name}.jpg")
    return made


def test_figures_for_programs_come_on_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bench", "hashing", "--data", str(folder), *FEW, "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["pictures"], result["edited"], result["unreadable"]) == (3, 2, 0)
    found = {each["kind"]: each["found"] for each in result["recalls"]}
    assert found == {"PDQ, upright": 2, "SHA-256": 0}
    assert result["versions"]["pdqhash"]
    assert result["caveats"]


def test_figures_for_people_are_tables_with_what_they_do_not_say(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "figures.json"
    assert cli.run(["bench", "hashing", "--data", str(folder), *FEW, "--json", str(file)]) == 0
    said = capsys.readouterr().out
    for title in ("Copies found, of 100", "taken for copies of each other", "Cost of one picture"):
        assert title in said
    assert "what people do is worse in places" in said
    assert json.loads(file.read_text(encoding="utf-8"))["pictures"] == 3


@pytest.mark.slow
def test_the_index_is_measured_when_sizes_are_given(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--index-sizes", "500"]
    assert cli.run(["bench", "hashing", "--data", str(folder), *FEW, *sizes]) == 0
    said = capsys.readouterr().out
    assert "Look-ups within 31 bits" in said
    assert "faiss_flat" in said


@pytest.mark.parametrize(
    "wrong",
    [
        ["--data", "no-such-folder"],
        ["--data", ".", "--index-sizes", "many"],
        ["--data", ".", "--index-sizes", "0"],
        ["--data", ".", "--kinds", "no such kind"],
    ],
)
def test_what_cannot_be_measured_is_said(wrong: list[str], folder: Path) -> None:
    arguments = [str(folder) if each == "." else each for each in wrong]
    assert cli.run(["bench", "hashing", *arguments]) == 1


@pytest.mark.parametrize("option", ["--json", "--write-calibration"])
def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    # The folder holds no people: whoever began to measure would say that.
    for target in (folder / "not there" / "figures.json", folder):
        assert cli.run(["bench", "faces", "--data", str(folder), option, str(target)]) == 1
        assert "cannot be written" in capsys.readouterr().err
