"""The first pass may be rough, but never wrong by more than it says, and leaves nothing behind."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from indexer.watchlist import Gallery, NewRows, comparing, first_pass
from indexer.watchlist.first_pass import (
    FirstPassUnsoundError,
    IntegerProduct,
    ProbeCodes,
    check_codes,
    coded,
)


def unit(count: int, seed: int, dimension: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def sparse(count: int, seed: int, dimension: int) -> np.ndarray:
    vectors = unit(count, seed, dimension) ** 5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("drawn", [unit, sparse])
@pytest.mark.parametrize("dimension", [16, 128, 512])
def test_no_estimate_is_further_off_than_its_margin(drawn, dimension: int) -> None:
    vectors = drawn(3000, 1, dimension).astype(np.float16)
    codes = np.empty(vectors.shape, np.uint8)
    scale = coded(vectors, codes)
    assert codes.max() <= 127
    probes = np.concatenate([unit(40, 2, dimension), vectors[:24].astype(np.float32)])
    asked = ProbeCodes(probes)
    out = np.empty((len(codes), len(probes)), np.int32)
    IntegerProduct.open(dimension).multiply(codes, asked.codes, out)
    wrong_by = np.abs(asked.estimates(out, scale) - vectors.astype(np.float32) @ probes.T)
    assert np.all(wrong_by <= asked.margins(scale))


def test_margins_of_ordinary_vectors_are_small() -> None:
    vectors = unit(3000, 3, 512).astype(np.float16)
    scale = coded(vectors, np.empty(vectors.shape, np.uint8))
    assert np.all(ProbeCodes(unit(10, 4, 512)).margins(scale) < 0.05)


def test_the_most_extreme_codes_are_multiplied_exactly() -> None:
    product = IntegerProduct(512)
    out = np.empty((2, 2), np.int32)
    product.multiply(np.full((2, 512), 127, np.uint8), np.full((512, 2), 127, np.int8), out)
    assert set(out.ravel().tolist()) == {127 * 127 * 512}


def test_strided_codes_are_refused_instead_of_being_misread() -> None:
    product = IntegerProduct(16)
    codes = np.zeros((4, 32), np.uint8)[:, ::2]
    with pytest.raises(ValueError, match="contiguous"):
        product.multiply(codes, np.zeros((16, 1), np.int8), np.empty((4, 1), np.int32))


class Wrong(IntegerProduct):
    """A machine whose products are a little off, as with sums that are cut off at 16 bits."""

    def multiply(self, codes: np.ndarray, probes: np.ndarray, out: np.ndarray) -> None:
        super().multiply(codes, probes, out)
        np.minimum(out, 1 << 15, out=out)


def test_a_machine_that_multiplies_wrongly_is_noticed() -> None:
    with pytest.raises(FirstPassUnsoundError):
        Wrong.open(128)
    vectors = unit(2000, 5, 128).astype(np.float16)
    codes = np.empty(vectors.shape, np.uint8)
    scale = coded(vectors, codes)
    with pytest.raises(FirstPassUnsoundError):
        check_codes(Wrong(128), vectors, codes, scale)


def test_on_such_a_machine_everything_is_compared_exactly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparing, "IntegerProduct", Wrong)
    vectors = unit(3000, 6, 128)
    names = [str(row) for row in range(3000)]
    gallery = Gallery.build(128, [NewRows(names, names, vectors)])
    assert gallery.first_pass == "none"
    asked = unit(20, 7, 128)
    expected = {
        (int(face), str(row))
        for face, row in np.argwhere(
            asked @ vectors.astype(np.float16).astype(np.float32).T >= 0.25
        )
    }
    assert {(hit.face, hit.person_ref) for hit in gallery.search(asked, 0.25)} == expected
    assert len(expected) > 20


def packed_traces(asked: np.ndarray) -> int:
    """How often parts of a probe's codes are in memory: as they are packed for the product, four
    numbers of one probe after the other, sixteen probes side by side; and as floats.
    """
    coded_probe = ProbeCodes(asked[:1].copy())
    codes = coded_probe.codes[:, 0].copy()
    coded_probe.overwrite()
    places = (0, 40, 80)
    needles = [codes[at : at + 4].tobytes() * 16 for at in places]
    return times_in_memory(needles + [asked[0, at : at + 16].tobytes() for at in places])


def times_in_memory(needles: list[bytes]) -> int:
    """How often these are in what this process may write to, themselves included.

    What is read goes to a place of its own that is not looked through: it would be found again. It
    is made after the list of places and too large for a hole in them. (An `mmap` would be as good a
    place, but looks for each byte by itself: half a minute where this takes seconds.)
    """
    spans = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, *_ = line.split()
        if rights.startswith("rw") and "[v" not in line:
            start, end = (int(side, 16) for side in place.split("-"))
            spans.append((start, end))
    count = 0
    scratch = bytearray(max(64 << 20, *(end - start for start, end in spans)))
    with Path("/proc/self/mem").open("rb", 0) as memory:
        for start, end in spans:
            with memoryview(scratch) as whole, whole[: end - start] as room:
                try:
                    size = os.preadv(memory.fileno(), [room], start)
                except OSError:
                    continue
            for needle in needles:
                at = scratch.find(needle, 0, size)
                while at >= 0:
                    count += 1
                    at = scratch.find(needle, at + 1, size)
    return count


def test_the_runtime_keeps_no_probe_after_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """All probes of the search are one, so that it is known how they are packed side by side."""
    vectors = unit(9000, 8, 128)
    names = [str(row) for row in range(9000)]
    gallery = Gallery.build(128, [NewRows(names, names, vectors)])

    def traces_of(seed: int, *, searched: bool = True) -> int:
        traces = []

        def look() -> None:
            kept = unit(1, seed, 128)
            buffer = first_pass.PrivateBuffer(64 * 128 * 4)
            lent = buffer.floats((64, 128))
            lent[:] = kept
            if searched:
                gallery.search(lent, 0.9)
            buffer.wipe()
            traces.append(packed_traces(kept))
            ctypes.memset(kept.ctypes.data, 0, kept.nbytes)

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return traces[0]

    # What the test itself holds to look for it.
    own = traces_of(9, searched=False)
    assert traces_of(10) == own
    monkeypatch.setattr(IntegerProduct, "overwrite", lambda *_: None)
    assert traces_of(11) > own, "the look would find what was left"
