"""Reference photos that the examiner keeps for comparing are gone as soon as people change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import cast

import pytest

from indexer import examine
from indexer.examiner.protocol import (
    Examine,
    Examined,
    ExaminerInbound,
    ExaminerOutbound,
    GalleryHash,
    Hello,
    LoadGallery,
    MaskPerson,
    Reference,
    References,
)
from indexer.examiner.server import ExaminerChannel, ExaminerServer
from indexer.hashing import hash_medium
from indexer.manipulation import ReferenceShelf
from tests.fixtures.photographs import jpeg, landscape, picture

LANDSCAPE = jpeg(landscape())
KNOWN = hash_medium(LANDSCAPE, picture(landscape()))
GALLERY = LoadGallery(1, None, (), (GalleryHash("ada", "known", KNOWN.sha256, None, None),))
LOOK = Examine(7, LANDSCAPE, None, None, None)
PHOTOS = References(7, (Reference("photo", LANDSCAPE),))


class ScriptedChannel:
    """A worker that says the next thing when the last one was answered, and notes how full the
    shelf is by then.
    """

    def __init__(self, script: list[ExaminerInbound], shelf_size: Callable[[], int]) -> None:
        self._script = list(script)
        self._shelf_size = shelf_size
        self.sizes: list[int] = []
        self.sent: list[ExaminerOutbound] = []
        self._answered = threading.Semaphore(1)

    def send(self, message: ExaminerOutbound) -> None:
        self.sent.append(message)
        self.sizes.append(self._shelf_size())
        self._answered.release()

    def receive(self) -> ExaminerInbound | None:
        assert self._answered.acquire(timeout=60)
        return self._script.pop(0) if self._script else None


def sizes_after(monkeypatch: pytest.MonkeyPatch, *script: ExaminerInbound) -> list[int]:
    """How many photos were on the shelf when each message was answered."""
    shelves: list[ReferenceShelf] = []
    real_eyes = examine.Eyes

    def remembered(*arguments: object, **named: object) -> examine.Eyes:
        made = real_eyes(*arguments, **named)  # type: ignore[arg-type]
        shelves.append(made.shelf)
        return made

    monkeypatch.setattr("indexer.examiner.server.Eyes", remembered)
    messages = [Hello(None, "", sandbox="off"), GALLERY, *script]
    channel = ScriptedChannel(messages, lambda: len(shelves[0]))
    ExaminerServer(cast("ExaminerChannel", channel)).serve()
    assert len(shelves) == 1
    assert any(isinstance(message, Examined) for message in channel.sent)
    return channel.sizes


def test_a_photo_is_kept_between_media(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ready, loaded, wanted, examined, wanted, examined.
    assert sizes_after(monkeypatch, LOOK, PHOTOS, LOOK, PHOTOS) == [0, 0, 0, 1, 1, 1]


def test_a_new_gallery_forgets_the_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sizes_after(monkeypatch, LOOK, PHOTOS, GALLERY)[-1] == 0


def test_hiding_somebody_forgets_the_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sizes_after(monkeypatch, LOOK, PHOTOS, MaskPerson("ada"))[-1] == 0
