"""An examiner that ends, hangs or is closed in the middle: nobody else's medium pays for it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from indexer.examiner.client import ExaminerClient
from indexer.examiner.errors import ExaminerUnavailableError
from indexer.examiner.process import ExaminerProcess
from indexer.examiner.protocol import GalleryHash, Hello, LoadGallery, Reference
from indexer.hashing import hash_medium
from indexer.observations import Examination
from tests.fixtures.photographs import jpeg, landscape, picture

LANDSCAPE = jpeg(landscape())
KNOWN = hash_medium(LANDSCAPE, picture(landscape()))
GALLERY = LoadGallery(
    3, None, (), (GalleryHash("ada", "known", KNOWN.sha256, KNOWN.pdq, KNOWN.pdq_quality),)
)
LONGER_THAN_A_PIPE = bytes(2_000_000)


@dataclass
class Waiting:
    """Answers when it is told to; says when it is asked."""

    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def of(self, person_ref: str) -> Sequence[Reference]:
        self.asked.set()
        assert self.go_on.wait(60)
        return ()


@pytest.fixture
def client() -> Iterator[ExaminerClient]:
    with ExaminerClient.start(Hello(None, ""), lambda: GALLERY) as started:
        load(started)
        yield started


def load(client: ExaminerClient) -> None:
    client.load_gallery(GALLERY.change, None, (), GALLERY.hashes)


def people(examination: Examination) -> list[str]:
    return [finding.person_ref for finding in examination.findings]


def in_a_thread(
    do: Callable[[], Examination],
) -> tuple[threading.Thread, list[Examination | Exception]]:
    came: list[Examination | Exception] = []

    def run() -> None:
        try:
            came.append(do())
        except ExaminerUnavailableError as error:
            came.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, came


def stop(client: ExaminerClient) -> None:
    """Let the examiner live on without doing anything."""
    assert client.process_id is not None
    os.kill(client.process_id, signal.SIGSTOP)


def test_a_medium_that_an_ended_examiner_never_got_is_looked_at_by_the_next(
    client: ExaminerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [True, True]
    process_for = client._process_for

    def ending(message: object) -> ExaminerProcess:
        process = process_for(message)  # type: ignore[arg-type]
        if ends and ends.pop():
            process.kill()
            process.conversations.wait_for_end()
        return process

    monkeypatch.setattr(client, "_process_for", ending)
    assert people(client.examine(LANDSCAPE)) == ["ada"]


def test_closing_in_the_middle_of_a_medium_says_nothing_of_the_medium(
    client: ExaminerClient,
) -> None:
    waiting = Waiting()
    thread, came = in_a_thread(lambda: client.examine(LANDSCAPE, references=waiting))
    assert waiting.asked.wait(60)
    client.close()
    waiting.go_on.set()
    thread.join(60)
    assert isinstance(came[0], ExaminerUnavailableError)


def test_a_gallery_that_hangs_is_not_the_fault_of_a_medium(client: ExaminerClient) -> None:
    waiting = Waiting()
    thread, came = in_a_thread(lambda: client.examine(LANDSCAPE, references=waiting))
    assert waiting.asked.wait(60)
    stop(client)
    client._timeout_s = 1.0
    with pytest.raises(ExaminerUnavailableError):
        load(client)
    client._timeout_s = 60.0
    waiting.go_on.set()
    thread.join(60)
    assert isinstance(came[0], Examination)
    assert people(came[0]) == ["ada"]


def test_an_examiner_that_takes_nothing_in_any_more_is_ended(client: ExaminerClient) -> None:
    client._timeout_s = 1.0
    stop(client)
    thread, came = in_a_thread(lambda: client.examine(LONGER_THAN_A_PIPE))
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(came[0], Examination)
    assert came[0].refusal is not None
    assert came[0].refusal.code == "examiner_crashed"
    client._timeout_s = 60.0
    assert people(client.examine(LANDSCAPE)) == ["ada"]


def test_closing_waits_for_no_medium_that_is_still_being_handed_over(
    client: ExaminerClient,
) -> None:
    stop(client)
    thread, came = in_a_thread(lambda: client.examine(LONGER_THAN_A_PIPE))
    thread.join(1)
    closing = threading.Thread(target=client.close, daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive()
    thread.join(30)
    assert isinstance(came[0], ExaminerUnavailableError)


def test_more_photos_than_are_compared_are_not_handed_over(client: ExaminerClient) -> None:
    @dataclass
    class Album:
        """Together more than one message may carry."""

        photos: tuple[Reference, ...]

        def of(self, person_ref: str) -> Sequence[Reference]:
            return self.photos

    large = Reference("large", bytes(30 * 1024 * 1024))
    found = client.examine(LANDSCAPE, references=Album((large,) * 9))
    assert people(found) == ["ada"]
    assert len(found.findings[0].manipulation.comparisons) == 5
