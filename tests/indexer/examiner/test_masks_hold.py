"""Whoever is masked is in no later answer, whatever happens to the gallery meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.examine import Eyes, examine
from indexer.examiner.client import ExaminerClient
from indexer.examiner.protocol import GalleryHash, Hello, Reference
from indexer.hashing import KnownHashes, hash_medium
from indexer.manipulation import ReferenceShelf
from indexer.media import Decoder, Medium
from indexer.observations import Examination
from indexer.watchlist import Watchlist
from tests.fixtures.photographs import jpeg, landscape, picture

LANDSCAPE = jpeg(landscape())
HASHES = hash_medium(LANDSCAPE, picture(landscape()))
KNOWN = (GalleryHash("ada", "known", HASHES.sha256, HASHES.pdq, HASHES.pdq_quality),)


def people(examination: Examination) -> list[str]:
    return [finding.person_ref for finding in examination.findings]


def test_a_mask_holds_for_a_medium_under_way_although_a_new_gallery_ended_it() -> None:
    class ErasedMeanwhile:
        def of(self, person_ref: str) -> Sequence[Reference]:
            client.mask_person(person_ref)
            client.load_gallery(2, None, (), ())
            return ()

    with ExaminerClient.start(Hello(None, "")) as client:
        client.load_gallery(1, None, (), KNOWN)
        assert people(client.examine(LANDSCAPE, references=ErasedMeanwhile())) == []
        client.load_gallery(3, None, (), KNOWN)
        assert people(client.examine(LANDSCAPE)) == ["ada"]


def test_a_mask_that_came_after_a_gallery_was_read_outlives_its_loading() -> None:
    with ExaminerClient.start(Hello(None, "")) as client:
        client.load_gallery(1, None, (), KNOWN)
        known_when_read = client.masked
        client.mask_person("ada")
        client.load_gallery(2, None, (), KNOWN, masks_ended=known_when_read)
        assert people(client.examine(LANDSCAPE)) == []
        client.load_gallery(3, None, (), KNOWN, masks_ended=client.masked)
        assert people(client.examine(LANDSCAPE)) == ["ada"]


def test_whoever_is_masked_while_photos_are_compared_is_not_in_the_examination() -> None:
    watchlist = Watchlist.empty()

    class Masking:
        def of(self, person_ref: str) -> Sequence[Reference]:
            watchlist.mask(person_ref)
            return ()

    with Decoder() as decoder:
        eyes = Eyes(decoder=decoder, known=KnownHashes(KNOWN))
        assert people(examine(Medium(LANDSCAPE), watchlist, Masking(), eyes=eyes)) == []


def test_photos_that_were_asked_for_before_somebody_left_are_not_kept_after() -> None:
    shelf = ReferenceShelf()

    class Leaving:
        """The gallery changes between the question and its answer."""

        def of(self, person_ref: str) -> Sequence[Reference]:
            shelf.clear()
            return (Reference("photo", LANDSCAPE),)

    with Decoder() as decoder:
        eyes = Eyes(decoder=decoder, known=KnownHashes(KNOWN), shelf=shelf)
        found = examine(Medium(LANDSCAPE), Watchlist.empty(), Leaving(), eyes=eyes)
    assert found.findings[0].manipulation.comparisons
    assert len(shelf) == 0
