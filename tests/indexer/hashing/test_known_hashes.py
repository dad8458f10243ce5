"""The index of known pictures: nothing near is missed, nothing flat or far is matched."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.examiner.protocol import GalleryHash
from indexer.hashing import KnownHashError, KnownHashes, hash_medium, pdq_orientations
from indexer.media import Picture
from indexer.observations import MediaHashes

ASTRONAUT = Picture(np.ascontiguousarray(skimage.data.astronaut()))
CHELSEA = Picture(np.ascontiguousarray(skimage.data.chelsea()))


def known(
    person: str, ref: str, picture: Picture | None = None, content: bytes | None = None
) -> GalleryHash:
    hashes = hash_medium(content or b"", picture)
    return GalleryHash(
        person_ref=person,
        known_ref=ref,
        sha256=hashes.sha256 if content is not None else None,
        pdq=hashes.pdq,
        pdq_quality=hashes.pdq_quality,
    )


def with_pdq(value: int, quality: int = 100, ref: str = "k") -> GalleryHash:
    return GalleryHash(
        person_ref="p", known_ref=ref, sha256=None, pdq=f"{value:064x}", pdq_quality=quality
    )


def seen_pdq(value: int, quality: int = 100) -> MediaHashes:
    return MediaHashes(sha256="0" * 64, pdq=f"{value:064x}", pdq_quality=quality)


def test_an_empty_index_finds_nothing() -> None:
    index = KnownHashes([])
    assert len(index) == 0
    assert index.search(hash_medium(b"x", ASTRONAUT), pdq_orientations(ASTRONAUT)) == ()


def test_an_index_of_one_entry_finds_it() -> None:
    index = KnownHashes([known("ann", "photo", ASTRONAUT)])
    (match,) = index.search(hash_medium(b"x", ASTRONAUT), pdq_orientations(ASTRONAUT))
    assert (match.person_ref, match.known_ref, match.kind) == ("ann", "photo", "pdq")
    assert (match.distance, match.orientation, match.band) == (0, "upright", "strong")


def test_the_very_same_file_matches_by_sha256_even_if_it_is_no_picture() -> None:
    index = KnownHashes([known("ann", "file", content=b"the bytes")])
    (match,) = index.search(hash_medium(b"the bytes", None))
    assert (match.kind, match.distance, match.band) == ("sha256", 0, "strong")


def test_sha256_in_capitals_is_the_same_hash() -> None:
    entry = GalleryHash("ann", "file", hashlib.sha256(b"a").hexdigest().upper(), None, None)
    assert KnownHashes([entry]).search(hash_medium(b"a", None))


def test_an_exact_match_is_reported_once_and_as_exact() -> None:
    index = KnownHashes([known("ann", "photo", ASTRONAUT, b"file")])
    (match,) = index.search(hash_medium(b"file", ASTRONAUT), pdq_orientations(ASTRONAUT))
    assert match.kind == "sha256"


def test_a_mirrored_copy_is_found_only_with_orientations() -> None:
    index = KnownHashes([known("ann", "photo", ASTRONAUT)])
    mirrored = Picture(np.ascontiguousarray(ASTRONAUT.pixels[:, ::-1]))
    hashes = hash_medium(b"x", mirrored)
    assert index.search(hashes) == ()
    (match,) = index.search(hashes, pdq_orientations(mirrored))
    assert match.orientation == "mirrored"


def test_other_pictures_do_not_match() -> None:
    index = KnownHashes([known("ann", "photo", ASTRONAUT)])
    assert index.search(hash_medium(b"x", CHELSEA), pdq_orientations(CHELSEA)) == ()


@pytest.mark.parametrize(
    ("bits", "band"),
    [(0, "strong"), (15, "strong"), (16, "moderate"), (23, "moderate"), (24, "weak"), (31, "weak")],
)
def test_bands_follow_the_distance(bits: int, band: str) -> None:
    (match,) = KnownHashes([with_pdq(0)]).search(seen_pdq((1 << bits) - 1))
    assert (match.distance, match.band) == (bits, band)


def test_32_bits_are_too_far() -> None:
    assert KnownHashes([with_pdq(0)]).search(seen_pdq((1 << 32) - 1)) == ()


def test_flat_pictures_never_match_on_either_side() -> None:
    assert KnownHashes([with_pdq(0, quality=49)]).search(seen_pdq(0)) == ()
    assert KnownHashes([with_pdq(0)]).search(seen_pdq(0, quality=49)) == ()
    assert KnownHashes([with_pdq(0, quality=50)]).search(seen_pdq(0, quality=50)) != ()


def test_a_hidden_person_and_other_cases_are_never_answered() -> None:
    index = KnownHashes([known("ann", "a", ASTRONAUT), known("bea", "b", ASTRONAUT)])
    hashes = hash_medium(b"x", ASTRONAUT)
    assert {match.person_ref for match in index.search(hashes)} == {"ann", "bea"}
    hidden = index.search(hashes, hidden=frozenset({"ann"}))
    assert [match.person_ref for match in hidden] == ["bea"]
    assert [match.person_ref for match in index.search(hashes, only_person="ann")] == ["ann"]


def test_matches_come_closest_first() -> None:
    index = KnownHashes([with_pdq(0xFF, ref="far"), with_pdq(0x1, ref="near")])
    assert [match.known_ref for match in index.search(seen_pdq(0))] == ["near", "far"]


@settings(max_examples=40, deadline=None)
@given(
    entries=st.lists(st.integers(0, 2**40), min_size=1, max_size=60),
    query=st.integers(0, 2**40),
)
def test_the_index_finds_exactly_what_counting_bits_finds(entries: list[int], query: int) -> None:
    index = KnownHashes([with_pdq(value, ref=str(at)) for at, value in enumerate(entries)])
    found = {match.known_ref: match.distance for match in index.search(seen_pdq(query))}
    expected = {
        str(at): (value ^ query).bit_count()
        for at, value in enumerate(entries)
        if (value ^ query).bit_count() <= 31
    }
    assert found == expected


@pytest.mark.parametrize(("sha256", "pdq"), [("zz" * 32, None), ("ab", None), (None, "0" * 63)])
def test_malformed_hashes_are_refused(sha256: str | None, pdq: str | None) -> None:
    with pytest.raises(KnownHashError):
        KnownHashes([GalleryHash("p", "k", sha256, pdq, 100)])
