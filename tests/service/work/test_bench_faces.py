"""`likeness bench faces`: figures of labelled pictures, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import insightface
import numpy as np
import pytest
import skimage.data

from indexer.faces import DEFAULT_PACK, check_pack
from indexer.faces.packs import default_models_dir
from service import cli
from tests.conftest import ON_CI

IMAGES = Path(insightface.__file__).parent / "data" / "images"
QUICK = ("--runtime", "openvino", "--threads", "1", "--condition-people", "3")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people with three pictures each (as it is, grey, softened), and one with one."""
    if check_pack(DEFAULT_PACK, default_models_dir()).state != "ready":
        if ON_CI:
            pytest.fail("the default model pack is not there: `make test` fetches it")
        pytest.skip("the default model pack is not there: run `likeness models fetch`")
    root = tmp_path_factory.mktemp("labelled")
    group = cv2.imread(str(IMAGES / "t1.jpg"))
    photos = {
        "astronaut": np.ascontiguousarray(skimage.data.astronaut()[:300, 80:380, ::-1]),
        "other": cv2.imread(str(IMAGES / "Tom_Hanks_54745.png")),
        "left": group[:, : group.shape[1] // 4],
        "right": group[:, 3 * group.shape[1] // 4 :],
    }
    for name, pixels in photos.items():
        (root / name).mkdir()
        cv2.imwrite(str(root / name / f"{name}_0001.jpg"), pixels)
        if name != "right":
            grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
            cv2.imwrite(str(root / name / f"{name}_0002.jpg"), grey)
            cv2.imwrite(str(root / name / f"{name}_0003.png"), cv2.GaussianBlur(pixels, (3, 3), 0))
    return root


@pytest.fixture(autouse=True)
def no_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path / "not-there"))


def test_figures_for_programs_come_on_standard_output(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bench", "faces", "--data", str(people), *QUICK, "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["seen"]["people"] == 4
    assert result["verification"]["genuine_pairs"] == 9
    assert result["identification"]["enrolled"] == 3
    assert result["model"]["pack"] == DEFAULT_PACK
    assert result["conditions"] is None


def test_an_earlier_run_is_shown_beside_this_one(
    people: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["bench", "faces", "--data", str(people), *QUICK]
    command += ["--only-conditions", "mirrored", "--only-conditions", "dark, 6 %"]
    file = tmp_path / "before.json"
    assert cli.run([*command, "--json", str(file)]) == 0
    assert "before" not in capsys.readouterr().out
    assert cli.run([*command, "--baseline", str(file)]) == 0
    said = capsys.readouterr().out
    for words in ("Verification", "Identification", "before: face found", "turned: mirrored"):
        assert words in said
    assert "the same people" in said
    assert "of those it holds out only" in said
    assert "The labelled face of a picture" in said


def test_too_few_people_for_a_calibration_are_refused_and_nothing_is_written(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calibration.json"
    command = ["bench", "faces", "--data", str(people), *QUICK, "--hold-out", "0.5"]
    assert cli.run([*command, "--write-calibration", str(file)]) == 1
    assert not file.exists()
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        ["--data", "no-such-folder"],
        ["--data", ".", "--pairs", "no-such-file"],
        ["--data", ".", "--labels", "no-such-file"],
        ["--data", ".", "--baseline", "no-such-file"],
        ["--data", ".", "--only-conditions", "no such condition"],
        ["--data", ".", "--pack", "no-such-pack"],
        ["--data", ".", "--runtime", "no-such-runtime"],
        ["--data", ".", "--pack", "buffalo_l"],
    ],
)
def test_what_cannot_be_measured_is_said(
    wrong: list[str], people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(people) if each == "." else each for each in wrong]
    assert cli.run(["bench", "faces", *arguments]) == 1
    assert "Traceback" not in capsys.readouterr().err
