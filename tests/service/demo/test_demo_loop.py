"""`likeness demo` as a user runs it: the whole loop, and what it says when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from indexer.faces import DEFAULT_PACK, check_pack
from service.demo.pictures import jpeg, person_pictures, pictures_of_others, pictures_of_the_person
from service.demo.planned import ALTERED
from service.demo.proving import flipped
from service.demo.summary import DemoSummary
from service.settings import Settings
from tests.conftest import ON_CI

pytestmark = pytest.mark.slow
LIMIT_S = 280


@pytest.fixture(scope="module", autouse=True)
def pack() -> None:
    if check_pack(DEFAULT_PACK, Settings().models_dir).state != "ready":
        if ON_CI:
            pytest.fail("the default model pack is not there: `make test` fetches it")
        pytest.skip("the default model pack is not there: run `likeness models fetch`")


def likeness(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run one command of ours, as installed, outside any data folder."""
    environment = {name: value for name, value in os.environ.items() if "LIKENESS_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *map(str, arguments)],
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
        env=environment,
        cwd=Path(__file__).parents[3],
    )


@pytest.fixture(scope="module")
def built_in(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoSummary]:
    out = tmp_path_factory.mktemp("demo") / "out"
    done = likeness("demo", "--out", out, "--json")
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return out, msgspec.json.decode(done.stdout, type=DemoSummary)


def test_the_built_in_demo_succeeds_without_any_problem(
    built_in: tuple[Path, DemoSummary],
) -> None:
    out, summary = built_in
    assert summary.succeeded
    assert summary.problems == ()
    assert msgspec.json.decode((out / "summary.json").read_bytes(), type=DemoSummary) == summary


def test_every_planted_picture_is_found_and_nobody_else(
    built_in: tuple[Path, DemoSummary],
) -> None:
    found = {outcome.file for outcome in built_in[1].media if outcome.finds}
    planted = {item.path.removeprefix("/media/") for item in pictures_of_the_person()}
    assert found == planted | {"known.jpg", "known-clip.avi"}


def test_the_altered_pictures_are_said_to_be_altered_and_no_other_copy_is(
    built_in: tuple[Path, DemoSummary],
) -> None:
    outcomes = {outcome.file: outcome for outcome in built_in[1].media}
    said = {file for file, outcome in outcomes.items() if outcome.manipulation in ALTERED}
    assert said >= {"altered.jpg", "altered-small.jpg"}
    assert said - {"pasted.jpg", "beside.jpg"} == {"altered.jpg", "altered-small.jpg"}


def test_hostile_items_are_refused_with_their_reasons(
    built_in: tuple[Path, DemoSummary],
) -> None:
    refused = {outcome.file: outcome.refusal for outcome in built_in[1].media if outcome.refusal}
    assert refused == {
        "not-a-picture.jpg": "not_media",
        "bomb.png": "too_many_pixels",
        "cut-off.jpg": "truncated",
        "away.jpg": "address_not_public",
        "other-port.jpg": "address_not_public",
    }
    pages = {page.url.partition("/private")[1]: page.refusal for page in built_in[1].pages}
    assert pages["/private"] == "robots"


def test_the_bundle_verifies_by_the_command_and_a_flipped_byte_does_not(
    built_in: tuple[Path, DemoSummary], tmp_path: Path
) -> None:
    _, summary = built_in
    assert len(summary.exhibits) == 4
    exhibit = summary.exhibits[0]
    trust = ("--trust", exhibit.signer_fingerprint)
    assert likeness("exhibit", "verify", exhibit.path, *trust).returncode == 0
    assert likeness("exhibit", "verify", exhibit.path).returncode == 3
    spoiled = tmp_path / "spoiled.zip"
    spoiled.write_bytes(flipped(Path(exhibit.path).read_bytes()))
    assert likeness("exhibit", "verify", spoiled, *trust).returncode == 1
    assert exhibit.flipped_byte_says


def test_the_notice_was_refused_until_it_was_complete(
    built_in: tuple[Path, DemoSummary],
) -> None:
    notice = built_in[1].notice
    assert notice is not None
    assert notice.refused_while_incomplete
    assert notice.missing_at_first
    assert Path(notice.pdf_path).read_bytes().startswith(b"%PDF-")
    assert msgspec.json.decode(Path(notice.json_path).read_bytes())


def test_the_report_is_a_page_and_data(built_in: tuple[Path, DemoSummary]) -> None:
    page, data = (Path(path).read_bytes() for path in built_in[1].reports)
    assert b"Demonstration site" in page
    assert msgspec.json.decode(data)


def test_nothing_of_the_installation_is_left(built_in: tuple[Path, DemoSummary]) -> None:
    left = {path.suffix for path in built_in[0].rglob("*")}
    assert left == {".zip", ".pdf", ".json", ".html", ".css"}


def test_a_folder_of_photos_and_any_folder_of_pictures(tmp_path: Path) -> None:
    photos, media = tmp_path / "photos", tmp_path / "media"
    photos.mkdir()
    (media / "of others").mkdir(parents=True)
    name, content = person_pictures().references[0]
    (photos / name).write_bytes(content)
    mine = next(item for item in pictures_of_the_person() if item.path.endswith("/cut.jpg"))
    assert isinstance(mine.content, bytes)
    (media / "mine & cut.jpg").write_bytes(mine.content)
    for item in pictures_of_others()[:3]:
        assert isinstance(item.content, bytes)
        (media / "of others" / Path(item.path).name).write_bytes(item.content)
    arguments = ("--out", tmp_path / "out", "--photos", photos, "--media", media, "--json")
    done = likeness("demo", *arguments)
    assert done.returncode == 0, done.stderr.decode()
    summary = msgspec.json.decode(done.stdout, type=DemoSummary)
    assert [outcome.file for outcome in summary.media if outcome.finds] == ["mine & cut.jpg"]
    assert sum(outcome.seen for outcome in summary.media) == 4
    assert len(summary.exhibits) == 1


def test_a_stage_that_fails_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    photos, media = tmp_path / "photos", tmp_path / "media"
    for folder in (photos, media):
        folder.mkdir()
        plain = Image.new("RGB", (300, 300), (90, 120, 150))
        (folder / "plain.jpg").write_bytes(jpeg(plain, 85))
    arguments = ("--out", tmp_path / "out", "--photos", photos, "--media", media, "--json")
    done = likeness("demo", *arguments)
    assert done.returncode == 1
    summary = msgspec.json.decode(done.stdout, type=DemoSummary)
    assert summary.failed_stage == "enrol the person"
    assert "no_face" in summary.problems[0]


def test_photos_without_media_are_refused(tmp_path: Path) -> None:
    done = likeness("demo", "--out", tmp_path / "out", "--photos", tmp_path)
    assert done.returncode != 0
    assert b"both --photos and --media" in done.stderr
