"""EXIF: program, camera and time of taking, as the file gives them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Final

import pillow_heif
from PIL import ExifTags, Image

from indexer.media.declared.generators import (
    is_generation_graph,
    is_parameter_block,
    names_generator,
)
from indexer.media.declared.png_text import png_chunks
from indexer.media.sniff import sniff
from indexer.observations import DeclaredFact

_TAGS: Final = {
    ExifTags.Base.Software: "Software",
    ExifTags.Base.Make: "Make",
    ExifTags.Base.Model: "Model",
    ExifTags.Base.ImageDescription: "ImageDescription",
    ExifTags.Base.Artist: "Artist",
}
# Only these may tell of a generator; a person's name or a camera's never does.
_PROGRAM_TAGS: Final = frozenset({"Software"})
# ComfyUI writes "prompt:{...}" and "workflow:{...}" into free tags of WebP files.
_GRAPH_MARKS: Final = ("prompt:", "workflow:")
_REPORTED_ALWAYS: Final = frozenset({"Software", "Make", "Model"})


def read_exif(content: bytes) -> Iterable[DeclaredFact]:
    """Software, Make, Model, DateTimeOriginal, and parameter blocks in free-text tags."""
    exif = _exif(content)
    if exif is None:
        return
    for tag, name in _TAGS.items():
        if tag in exif:
            value = str(exif[tag]).strip("\0 ")
            generated = _is_graph(value) or (name in _PROGRAM_TAGS and names_generator(value))
            if value and (generated or name in _REPORTED_ALWAYS):
                yield DeclaredFact(kind="exif", name=name, value=value, says_generated=generated)
    details = exif.get_ifd(ExifTags.IFD.Exif)
    taken = details.get(ExifTags.Base.DateTimeOriginal)
    if taken:
        yield DeclaredFact(
            kind="exif", name="DateTimeOriginal", value=str(taken), says_generated=False
        )
    comment = _user_comment(details.get(ExifTags.Base.UserComment))
    if comment and (is_parameter_block(comment) or _is_graph(comment)):
        yield DeclaredFact(kind="exif", name="UserComment", value=comment, says_generated=True)


def _exif(content: bytes) -> Image.Exif | None:
    sniffed = sniff(content)
    if sniffed is None or sniffed.medium != "picture":
        return None
    if sniffed.format_name == "PNG":
        # Pillow would decode the pixels to reach a chunk that may follow them.
        packed = next((data for kind, data in png_chunks(content) if kind == b"eXIf"), None)
        if packed is None:
            return None
        exif = Image.Exif()
        exif.load(packed)
        return exif
    if sniffed.format_name == "HEIF":
        pillow_heif.register_heif_opener()
    with Image.open(io.BytesIO(content), formats=[sniffed.format_name]) as image:
        return image.getexif()


def _is_graph(value: str) -> bool:
    return value.startswith(_GRAPH_MARKS) and is_generation_graph(value.split(":", 1)[1])


def _user_comment(value: object) -> str:
    """The comment without its 8-byte character code; the web UIs write UTF-16 in either order."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return ""
    code, body = value[:8], value[8:]
    if code.startswith(b"UNICODE"):
        # ASCII text in UTF-16: whichever byte is mostly zero is the high one.
        order = "utf-16-be" if body[0::2].count(0) >= body[1::2].count(0) else "utf-16-le"
        return body.decode(order, errors="replace")
    return (body if code[:5] in {b"ASCII", b"\0\0\0\0\0"} else value).decode(
        "utf-8", errors="replace"
    )
