"""`likeness bench watchlist`: figures beside FAISS flat, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service import cli

SMALL = ["bench", "watchlist", "--size", "1500", "--dim", "32", "--batch", "4", "--seconds", "0"]


@pytest.fixture(autouse=True)
def no_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path / "not-there"))


@pytest.mark.slow
def test_it_shows_tables_and_writes_all_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "figures.json"
    assert cli.run([*SMALL, "--drawn", "random", "--json", str(written)]) == 0
    said = capsys.readouterr().out
    for words in ("faiss_flat", "Recall", "one template removed", "float16"):
        assert words in said
    figures = json.loads(written.read_bytes())
    assert (figures["size"], figures["dimension"], figures["kind"]) == (1500, 32, "random")
    assert figures["processor"]
    assert figures["versions"]["faiss-cpu"]
    assert {timing["contestant"] for timing in figures["timings"]} == {
        "likeness",
        "likeness, judged",
        "faiss_flat",
    }


@pytest.mark.slow
def test_alone_it_runs_without_its_peer_and_figures_come_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run([*SMALL, "--alone", "--json", "-"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["exactness"] is None
    assert [contest["contestant"] for contest in figures["contests"]] == ["likeness"]


def test_what_cannot_be_drawn_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*SMALL, "--drawn", "faces"]) != 0
    assert "clustered or random" in capsys.readouterr().err
