"""`likeness hash`: hashes of files, nothing kept, and what could not be hashed said."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path

import pytest
import skimage
import skimage.data
from PIL import Image

from indexer.hashing import ORIENTATIONS, hash_medium, known_parts
from indexer.media import Picture
from service import cli
from service.hashbank.given import read_given_media
from tests.fixtures.clips import STREET, encoded, moving

ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No installation at all: the command needs none, and makes none."""
    folder = tmp_path / "not-there"
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    path = tmp_path / "flat.png"
    Image.new("RGB", (300, 300), "grey").save(path)
    return path


def test_it_prints_the_hashes_by_which_crawled_media_are_found(
    capsys: pytest.CaptureFixture[str], data_dir: Path
) -> None:
    assert cli.run(["hash", str(ASTRONAUT)]) == 0
    said = capsys.readouterr()
    expected = hash_medium(ASTRONAUT.read_bytes(), Picture(skimage.data.astronaut()))
    assert f"SHA-256 {expected.sha256}" in said.out
    assert f"{expected.pdq}  quality 100" in said.out
    assert said.err == ""
    assert not data_dir.exists()


def test_all_eight_orientations_are_printed_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["hash", "--orientations", str(ASTRONAUT)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3:10]] == list(ORIENTATIONS[1:])


def test_what_cannot_be_hashed_is_said_and_the_rest_is_hashed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text, empty, gone = tmp_path / "a.txt", tmp_path / "empty.jpg", tmp_path / "gone.jpg"
    text.write_text("no picture", encoding="utf-8")
    empty.touch()
    assert cli.run(["hash", "--json", *map(str, (text, empty, gone, ASTRONAUT))]) == 1
    said = capsys.readouterr()
    rows = json.loads(said.out)
    assert [row.get("usable", False) for row in rows] == [False, False, False, True]
    assert rows[0]["sha256"] == hashlib.sha256(b"no picture").hexdigest()
    assert "cannot be decoded" in rows[0]["problem"]
    assert f"{empty}: is empty" in said.err
    assert f"{gone}: cannot be read: No such file" in said.err


def test_too_little_detail_is_said_and_makes_no_usable_hash(
    capsys: pytest.CaptureFixture[str], flat: Path
) -> None:
    assert cli.run(["hash", "--json", str(flat)]) == 0
    said = capsys.readouterr()
    (row,) = json.loads(said.out)
    assert "usable" not in row
    assert "parts" not in row
    assert "too little detail" in said.err


def test_folders_are_entered_only_when_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flat: Path
) -> None:
    assert cli.run(["hash", str(tmp_path)]) == 2
    assert "--recursive" in capsys.readouterr().err
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.png").write_bytes(ASTRONAUT.read_bytes())
    assert cli.run(["hash", "--recursive", "--json", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [Path(row["file"]).name for row in rows] == ["a.png", flat.name]


def test_a_picture_comes_from_standard_input_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = ASTRONAUT.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert cli.run(["hash", "-"]) == 0
    assert hashlib.sha256(content).hexdigest() in capsys.readouterr().out
    assert cli.run(["hash", "-", "-"]) == 2


def test_without_files_it_is_a_wrong_use() -> None:
    assert cli.run(["hash"]) == 2


def test_fingerprints_are_what_a_case_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flat: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(encoded(moving(STREET, seconds=4)))
    assert cli.run(["hash", "--fingerprints", str(ASTRONAUT), str(clip), str(flat)]) == 0
    given = json.loads(capsys.readouterr().out)["media"]
    picture, video, plain = read_given_media(json.dumps(given))
    assert picture.part_hashes() == known_parts(Picture(skimage.data.astronaut()))
    assert (picture.kind, len(picture.frames)) == ("picture", 1)
    assert video.kind == "video"
    assert len(video.frames) > 1
    assert (plain.frames, plain.parts) == ((), ())
    assert plain.sha256 == hashlib.sha256(flat.read_bytes()).hexdigest()


def test_a_file_larger_than_any_medium_has_its_digest_only(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as opened:
        opened.truncate(70 << 20)
    assert cli.run(["hash", "--json", str(large)]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["sha256"] == hashlib.sha256(bytes(70 << 20)).hexdigest()
    assert "only exact copies" in row["problem"]


def test_pictures_are_decoded_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one codec is opened in this process."""

    def refused(*_args: object, **_named: object) -> None:
        raise AssertionError("a picture was decoded in the command's own process")

    monkeypatch.setattr(Image, "open", refused)
    assert cli.run(["hash", "--json", str(ASTRONAUT)]) == 0
