"""The bundle's container: a ZIP in one fixed form, so that every byte of it can be checked.

Written: names sorted, stored without compression, one fixed time, no extra fields, no comments,
no gaps. Any ZIP program opens it. Read: own, strict reading within limits; nothing is ever
decompressed or written to disk, so there are no bombs and no paths to escape by. What differs
from the one form is reported as a defect of the container, with its place.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.exhibits.errors import BundleRefusedError

MAX_BUNDLE_BYTES = 1024 * 1024 * 1024
MAX_FILES = 256
MAX_NAME_CHARS = 120

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION = 20
_MADE_BY = (3 << 8) | _VERSION
_STORED = 0
_DOS_DATE = (1 << 5) | 1
_DOS_TIME = 0
_REGULAR_FILE_0644 = 0o100644 << 16
_MAX_COMMENT_BYTES = 0xFFFF
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class ContainerDefect:
    """One way in which a container is not as it was written; `subject` is a file or "bundle"."""

    code: str
    subject: str
    message: str


@dataclass
class Container:
    """What was found in a container: contents by name, and all that is wrong with its form."""

    files: dict[str, bytes] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    defects: list[ContainerDefect] = field(default_factory=list)

    def defect(self, code: str, subject: str, message: str) -> None:
        """Note one defect."""
        self.defects.append(ContainerDefect(code, subject, message))


@dataclass(frozen=True)
class _Entry:
    name: str
    method: int
    crc: int
    compressed_bytes: int
    size_bytes: int
    offset: int

    @property
    def is_stored(self) -> bool:
        return self.method == _STORED and self.compressed_bytes == self.size_bytes


def is_bundle_name(name: str) -> bool:
    """Whether `name` may stand in a bundle: plain relative names, no dots that climb."""
    return len(name) <= MAX_NAME_CHARS and _NAME.fullmatch(name) is not None


def write_container(files: Mapping[str, bytes]) -> bytes:
    """The one form of a container with these files. The same files give the same bytes."""
    if len(files) > MAX_FILES or not all(map(is_bundle_name, files)):
        raise BundleRefusedError("a bundle cannot hold so many files, or files of such names")
    body, directory = bytearray(), bytearray()
    for name in sorted(files):
        content, encoded = files[name], name.encode("ascii")
        sizes = (zlib.crc32(content), len(content), len(content))
        offset = len(body)
        if offset + len(content) > MAX_BUNDLE_BYTES:
            raise BundleRefusedError(f"a bundle holds at most {MAX_BUNDLE_BYTES} bytes")
        shared = (_VERSION, 0, _STORED, _DOS_TIME, _DOS_DATE, *sizes, len(encoded), 0)
        body += _LOCAL.pack(_LOCAL_MARK, *shared) + encoded + content
        directory += (
            _CENTRAL.pack(_CENTRAL_MARK, _MADE_BY, *shared, 0, 0, 0, _REGULAR_FILE_0644, offset)
            + encoded
        )
    end = _END.pack(_END_MARK, 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + end)


def read_container(content: bytes) -> Container:
    """Everything that can be read of a container, and its defects.

    Raises `BundleRefusedError` when it is no container at all or beyond the limits.
    """
    if len(content) > MAX_BUNDLE_BYTES:
        raise BundleRefusedError(f"larger than {MAX_BUNDLE_BYTES} bytes: refused unread")
    container = Container()
    entries, shift = _read_directory(content, container)
    if sum(entry.size_bytes for entry in entries if entry.is_stored) > len(content):
        raise BundleRefusedError("its files claim to be larger than the bundle itself: refused")
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            container.defect("duplicate_name", entry.name, "the name stands in the bundle twice")
            continue
        seen.add(entry.name)
        _read_entry(content, entry, shift, container)
    _check_form(content, container)
    return container


def _read_directory(content: bytes, container: Container) -> tuple[list[_Entry], int]:
    end_at = content.rfind(_END_MARK, max(0, len(content) - _END.size - _MAX_COMMENT_BYTES))
    if end_at < 0 or end_at + _END.size > len(content):
        raise BundleRefusedError("not a bundle: the ZIP container has no (whole) end record")
    end = _END.unpack_from(content, end_at)
    count, directory_bytes, directory_at, comment_bytes = end[4], end[5], end[6], end[7]
    trailing = len(content) - end_at - _END.size
    if comment_bytes:
        container.defect("container_comment", "bundle", "the container carries a comment")
    if trailing > comment_bytes:
        container.defect("trailing_bytes", "bundle", f"{trailing} bytes follow the bundle's end")
    if count > MAX_FILES:
        raise BundleRefusedError(f"more than {MAX_FILES} files: refused unread")
    shift = end_at - directory_bytes - directory_at
    if shift < 0:
        raise BundleRefusedError("not a bundle: the ZIP directory lies outside the file")
    if shift > 0:
        container.defect("prefix_bytes", "bundle", f"{shift} bytes stand before or between files")
    return _entries(content, directory_at + shift, end_at, count, container), shift


def _entries(
    content: bytes, start: int, stop: int, count: int, container: Container
) -> list[_Entry]:
    entries: list[_Entry] = []
    at = start
    for _ in range(count):
        if at + _CENTRAL.size > stop or content[at : at + 4] != _CENTRAL_MARK:
            container.defect("directory_damaged", "bundle", "the ZIP directory is damaged")
            break
        fields = _CENTRAL.unpack_from(content, at)
        name_bytes, extra_bytes, comment_bytes = fields[10], fields[11], fields[12]
        raw = content[at + _CENTRAL.size : at + _CENTRAL.size + name_bytes]
        name = raw.decode("ascii", "backslashreplace")
        if not is_bundle_name(name):
            container.defect("bad_name", name, "a name that no bundle contains")
        if extra_bytes or comment_bytes:
            container.defect("extra_field", name, "an extra field or comment was added to the file")
        entries.append(_Entry(name, fields[4], fields[7], fields[8], fields[9], fields[16]))
        at += _CENTRAL.size + name_bytes + extra_bytes + comment_bytes
    return entries


def _read_entry(content: bytes, entry: _Entry, shift: int, container: Container) -> None:
    if not entry.is_stored:
        container.defect("compressed", entry.name, "the file was packed anew (compressed)")
        container.unreadable.add(entry.name)
        return
    at = entry.offset + shift
    if at + _LOCAL.size > len(content) or content[at : at + 4] != _LOCAL_MARK:
        container.defect("header_damaged", entry.name, "the file's header is damaged")
        container.unreadable.add(entry.name)
        return
    local = _LOCAL.unpack_from(content, at)
    start = at + _LOCAL.size + local[9] + local[10]
    body = content[start : start + entry.size_bytes]
    if len(body) != entry.size_bytes:
        container.defect("header_damaged", entry.name, "the file ends outside the bundle")
        container.unreadable.add(entry.name)
        return
    container.files[entry.name] = body


def _check_form(content: bytes, container: Container) -> None:
    """Compare with the one form, byte by byte: finds what no rule above names."""
    if container.defects:
        return
    expected = write_container(container.files)
    if expected == content:
        return
    pairs = zip(expected, content, strict=False)
    place = next(
        (at for at, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(content))
    )
    subject = _file_at(container, place)
    container.defect(
        "container_altered",
        subject,
        f"the container differs at byte {place} from the form in which bundles are written",
    )


def _first_difference(expected: bytes, content: bytes) -> int:
    length = min(len(expected), len(content))
    step = 65_536
    for start in range(0, length, step):
        ours, theirs = expected[start : start + step], content[start : start + step]
        if ours != theirs:
            pairs = zip(ours, theirs, strict=False)
            return start + next((at for at, (a, b) in enumerate(pairs) if a != b), 0)
    return length


def _file_at(container: Container, place: int) -> str:
    """The file whose header or content, in the one form, covers the byte at `place`."""
    at = 0
    for name in sorted(container.files):
        at += _LOCAL.size + len(name) + len(container.files[name])
        if place < at:
            return name
    return "bundle"
