from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from indexer.crawl.sniff import looks_like_html, media_type_of


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000"])
def test_pictures_of_every_form_are_known_by_their_first_bytes(form: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (10, 20, 30)).save(buffer, form)
    assert (media_type_of(buffer.getvalue()) or "").startswith("image/")


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x00\x00\x00\x18ftypisom" + bytes(8), "video/mp4"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(8), "image/heic"),
        (b"\x1aE\xdf\xa3" + bytes(8), "video/webm"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video/x-msvideo"),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G", "video/mp2t"),
        ((bytes(4) + b"G" + bytes(187)) * 3, "video/mp2t"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "video/quicktime"),
        (b"OggS" + bytes(24) + b"\x80theora", "video/ogg"),
    ],
)
def test_videos_are_known_by_their_first_bytes(head: bytes, media_type: str) -> None:
    assert media_type_of(head) == media_type


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"ID3\x04",
        b"BMW is a car",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"GGG",
        b"OggS" + bytes(24) + b"\x01vorbis",
        b"<!--free text-->",
    ],
)
def test_other_things_are_no_media(content: bytes) -> None:
    assert media_type_of(content) is None


@given(st.binary(max_size=400))
def test_any_bytes_can_be_asked_about(content: bytes) -> None:
    assert not (media_type_of(content) and looks_like_html(content))
