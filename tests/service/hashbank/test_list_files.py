"""Files of hashes in every form that lists come in, and what is wrong with them."""

from __future__ import annotations

import io
import json
import secrets
import tracemalloc

import pytest

from service.hashbank.exchange.errors import BrokenListError
from service.hashbank.exchange.list_files import ListedHash, ListFile
from service.hashbank.exchange.signals import HashKind

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def read(text: str | bytes, kind: HashKind | None = None) -> list[ListedHash]:
    content = text.encode() if isinstance(text, str) else text
    return list(ListFile(io.BytesIO(content), kind))


def pairs(found: list[ListedHash]) -> list[tuple[str, str]]:
    return [(each.kind, each.value.hex()) for each in found]


@pytest.mark.parametrize(
    "text",
    [
        f"pdq {PDQ}\nvideo_md5 {MD5}\n",
        f"\ufeffHASH_PDQ {PDQ.upper()}\r\n\r\n# a remark\r\nHASH_MD5 {MD5}",
        f"type,hash\npdq,{PDQ}\nmd5,{MD5}\n",
        f"note,Signal Value,Signal-Type\nx,{PDQ},pdq\ny,{MD5},video-md5\n",
        f"pdq,{PDQ}\nvideo_md5,{MD5}",
        f"{PDQ},pdq\n{MD5},md5",
        f'{{"type":"pdq","hash":"{PDQ}"}}\n{{"indicator":"{MD5}","type":"HASH_VIDEO_MD5"}}',
        json.dumps([{"type": "pdq", "value": PDQ}, {"type": "md5", "value": MD5}], indent=1),
        json.dumps({"pdq": [PDQ], "md5": [MD5]}),
    ],
)
def test_each_form_of_list_is_read(text: str) -> None:
    assert pairs(read(text)) == [("pdq", PDQ), ("md5", MD5)]


def test_hashes_alone_are_of_the_kind_that_the_caller_names() -> None:
    assert pairs(read(f"{PDQ}\n{PDQ}", "pdq")) == [("pdq", PDQ)] * 2
    assert pairs(read(json.dumps([SHA256]), "sha256")) == [("sha256", SHA256)]
    with pytest.raises(BrokenListError, match="Line 1: It does not say which kind"):
        read(PDQ)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (f"pdq {PDQ}\npdq {PDQ[:-1]}", 2, "no PDQ hash"),
        (f"pdq {PDQ}\n\n# x\nmd5 {PDQ}", 4, "no MD5 hash"),
        (f"pdq {PDQ}\nfoo {PDQ}", 2, "no known kind"),
        (f"pdq {PDQ} {PDQ}", 1, "More than a kind and a hash"),
        (f"type,hash\npdq,{PDQ}\npdq", 3, "too few columns"),
        (f'type,hash\n"pdq,{PDQ}', 2, "no line of CSV"),
        (f"a,b\n{PDQ},x", 1, "no column that names the kind"),
        (f'{{"type":"pdq","hash":"{PDQ}"}}\n{{"type":"pdq"}}', 2, "no object with a type"),
        ("[1, 2", 1, "no JSON"),
        (b"pdq \xff\xfe", 1, "no text"),
        ("pdq " + "0" * 70_000, 1, "too long"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(text: str | bytes, line: int, words: str) -> None:
    with pytest.raises(BrokenListError, match=words) as raised:
        read(text)
    assert raised.value.line == line
    assert "Nothing was changed." in str(raised.value)
    assert PDQ not in str(raised.value)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark\n", "[]", "type,hash\n"])
def test_a_file_without_hashes_is_no_list(text: str) -> None:
    with pytest.raises(BrokenListError, match="no hash in this file"):
        read(text)


def test_kinds_that_cannot_be_compared_are_counted_and_left_out() -> None:
    file = ListFile(io.BytesIO(f"photodna AAAA\nsha1 {MD5}ab\nsha1 x\npdq {PDQ}".encode()))
    assert pairs(list(file)) == [("pdq", PDQ)]
    assert dict(file.left_out) == {"photodna": 1, "sha1": 2}
    with pytest.raises(BrokenListError, match=r"left out: 1 photodna"):
        read("photodna AAAA")


def test_memory_does_not_grow_with_the_file() -> None:
    class Endless(io.RawIOBase):
        """A file of many lines that is nowhere as a whole."""

        lines = 30_000

        def readline(self, limit: int | None = -1) -> bytes:
            self.lines -= 1
            return f"pdq {secrets.token_hex(32)}\n".encode() if self.lines >= 0 else b""

    tracemalloc.start()
    count = sum(1 for _ in ListFile(Endless()))  # type: ignore[arg-type]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 30_000
    assert peak_bytes < 30_000 * 32
