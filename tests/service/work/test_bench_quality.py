"""`likeness bench quality`: figures of labelled pictures, for people and for programs."""

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
QUICK = ("--runtime", "openvino", "--threads", "1", "--ways", "1")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people with two pictures each."""
    if check_pack(DEFAULT_PACK, default_models_dir()).state != "ready":
        if ON_CI:
            pytest.fail("the default model pack is not there: `make test` fetches it")
        pytest.skip("the default model pack is not there: run `likeness models fetch`")
    root = tmp_path_factory.mktemp("labelled")
    group = np.asarray(cv2.imread(str(IMAGES / "t1.jpg")), np.uint8)
    step = group.shape[1] // 6
    pictures = [
        np.ascontiguousarray(skimage.data.astronaut()[:300, 80:380, ::-1]),
        np.asarray(cv2.imread(str(IMAGES / "Tom_Hanks_54745.png")), np.uint8),
        *(group[:, at * step : (at + 1) * step + 60] for at in range(6)),
    ]
    for number, pixels in enumerate(pictures):
        (root / f"p{number}").mkdir()
        cv2.imwrite(str(root / f"p{number}" / "1.jpg"), pixels)
        cv2.imwrite(str(root / f"p{number}" / "2.png"), cv2.flip(pixels, 1))
    return root


@pytest.fixture(autouse=True)
def no_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path / "not-there"))


def test_tables_are_for_people_and_the_file_for_programs(
    people: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "quality.json"
    assert cli.run(["bench", "quality", "--data", str(people), *QUICK, "--json", str(file)]) == 0
    said = capsys.readouterr().out
    for words in (
        "one false match in 10,000, worst left out",
        "length of the vector",
        "Does the figure hold?",
        "False matches, as multiples",
        "Refusing reference photos",
        "too few people have more than two pictures",
        "Fitted of a face in passing",
        "photos were spoiled by programs",
    ):
        assert words in said
    result = json.loads(file.read_bytes())
    assert result["model"]["pack"] == DEFAULT_PACK
    assert result["rejected"][0] == 0.0
    assert result["fusing"] == [], "eight people are too few for that"


def test_a_folder_that_is_not_there_or_holds_too_few_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bench", "quality", "--data", str(tmp_path / "nowhere")]) != 0
    assert "is no folder" in capsys.readouterr().err
    assert cli.run(["bench", "quality", "--data", str(tmp_path)]) != 0
    assert "DIR/<person>/*.jpg" in capsys.readouterr().err
