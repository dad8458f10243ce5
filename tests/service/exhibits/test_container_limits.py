"""Hostile containers are refused within limits, before anything of them is believed."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

import pytest

from service.exhibits.container import MAX_FILES, read_container, write_container
from service.exhibits.errors import BundleRefusedError
from service.exhibits.warc_check import MAX_INFLATED_BYTES, check_warc


def test_a_zip_bomb_is_not_inflated() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"\0" * 50_000_000)
    container = read_container(buffer.getvalue())
    assert container.files == {}
    assert container.unreadable == {"manifest.json"}


def test_entries_that_claim_more_than_the_bundle_holds_are_refused() -> None:
    content = bytearray(write_container({"a.txt": b"x" * 10}))
    directory_at = content.index(b"PK\x01\x02")
    struct.pack_into("<II", content, directory_at + 20, 4_000_000_000, 4_000_000_000)
    with pytest.raises(BundleRefusedError, match="larger"):
        read_container(bytes(content))


@pytest.mark.parametrize("name", ["../up.txt", "/etc/passwd", "a\\b", "", ".hidden", "a/../b"])
def test_names_that_climb_are_defects_and_never_written(name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name or "x"), b"x")
    if not name:
        with pytest.raises(BundleRefusedError):
            write_container({name: b""})
        return
    assert any(defect.code == "bad_name" for defect in read_container(buffer.getvalue()).defects)


def test_too_many_files_are_refused_unread() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(MAX_FILES + 1):
            archive.writestr(f"f{number}", b"")
    with pytest.raises(BundleRefusedError, match="more than"):
        read_container(buffer.getvalue())


def test_a_count_that_is_a_lie_is_a_defect() -> None:
    content = bytearray(write_container({"a.txt": b"x"}))
    struct.pack_into("<HH", content, len(content) - 14, 200, 200)
    codes = {defect.code for defect in read_container(bytes(content)).defects}
    assert "directory_damaged" in codes


def test_a_warc_that_inflates_without_end_is_stopped() -> None:
    member = gzip.compress(b"\0" * 64_000_000)
    bomb = member * (MAX_INFLATED_BYTES // 64_000_000 + 2)
    assert "inflates" in check_warc(bomb).defects[0]


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", gzip.compress(b"not a WARC")[:-4]],
    ids=["nothing", "no gzip", "a gzip that ends early"],
)
def test_what_is_no_warc_is_said_to_be_none(content: bytes) -> None:
    assert check_warc(content).defects


def test_no_files_make_an_empty_container_that_reads_back() -> None:
    assert read_container(write_container({})).defects == []
