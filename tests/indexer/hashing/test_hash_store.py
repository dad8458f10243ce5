"""The store of hashes: it grows, survives, and every process finds what another one added."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from indexer.hashing import index as hash_index
from indexer.hashing import store as hash_store
from indexer.hashing.index import FlatIndex, HashIndexError, MultiIndex
from indexer.hashing.store import HashStore, HashStoreDamagedError


def codes_for(ids: np.ndarray) -> np.ndarray:
    """A hash that only depends on its id."""
    return np.array(
        [np.random.default_rng(int(each)).integers(0, 256, 32, dtype=np.uint8) for each in ids],
        dtype=np.uint8,
    ).reshape(len(ids), 32)


def some(first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.arange(first, first + count, dtype=np.int64)
    return codes_for(ids), ids


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and multi-indexes at hundreds instead of hundreds of thousands."""
    monkeypatch.setattr(hash_store, "LOG_ROWS", 50)
    monkeypatch.setattr(hash_store, "FLAT_BELOW", 400)
    monkeypatch.setattr(hash_index, "_CHUNKS_FEW", 16)  # small tables


class TestAppend:
    def test_an_empty_store_finds_nothing_and_makes_no_folder(self, tmp_path: Path) -> None:
        store = HashStore(tmp_path / "store")
        assert len(store) == 0
        assert store.checkpoint == 0
        assert len(store.search(some(1, 1)[0])) == 0
        assert not (tmp_path / "store").exists()

    def test_one_hash_is_found(self, tmp_path: Path) -> None:
        store = HashStore(tmp_path / "store")
        store.append(*some(7, 1))
        assert store.search(some(7, 1)[0]).ids.tolist() == [7]
        assert store.checkpoint == 7

    @pytest.mark.usefixtures("small_steps")
    def test_however_it_grows_everything_is_found(self, tmp_path: Path) -> None:
        store = HashStore(tmp_path / "store")
        rng = np.random.default_rng(4)
        at = 1
        while at < 1500:
            count = int(rng.integers(1, 120))
            store.append(*some(at, count))
            at += count
            assert len(store) == at - 1
            assert store.checkpoint == at - 1
        kinds = {type(part) for part in store._follow().parts.values()}
        assert kinds == {FlatIndex, MultiIndex}
        assert len(store._follow().manifest.segments) <= 2
        store.check()
        for first in range(1, at, 97):
            codes, ids = some(first, min(97, at - first))
            hits = store.search(codes)
            assert hits.ids.tolist() == ids.tolist()
            assert not hits.distances.any()

    @pytest.mark.usefixtures("small_steps")
    def test_nothing_is_left_of_merged_files(self, tmp_path: Path) -> None:
        store = HashStore(tmp_path / "store")
        for first in range(1, 1000, 30):
            store.append(*some(first, 30))
        manifest = store._follow().manifest
        named = {manifest.log, *(segment.name for segment in manifest.segments)}
        on_disk = {path.name for path in (tmp_path / "store").iterdir()}
        assert on_disk - {"manifest.json", "lock"} <= named

    @pytest.mark.parametrize("ids", [[5], [3], [6, 6], [8, 7], [0], [-1]])
    def test_ids_that_do_not_ascend_are_refused_and_change_nothing(
        self, tmp_path: Path, ids: list[int]
    ) -> None:
        store = HashStore(tmp_path / "store")
        store.append(*some(1, 5))
        with pytest.raises(HashIndexError, match="ascend"):
            store.append(np.zeros((len(ids), 32), np.uint8), np.array(ids, dtype=np.int64))
        assert len(store) == 5

    @pytest.mark.usefixtures("small_steps")
    def test_clear_empties_it_and_it_can_be_filled_again(self, tmp_path: Path) -> None:
        store = HashStore(tmp_path / "store")
        store.append(*some(1, 120))
        store.clear()
        assert (len(store), store.checkpoint) == (0, 0)
        store.append(*some(1, 3))
        assert store.search(some(2, 1)[0]).ids.tolist() == [2]


class TestSharing:
    @pytest.mark.usefixtures("small_steps")
    def test_a_reader_follows_what_another_store_appends_and_merges(self, tmp_path: Path) -> None:
        reader, writer = HashStore(tmp_path / "store"), HashStore(tmp_path / "store")
        for first in range(1, 900, 40):
            writer.append(*some(first, 40))
            codes, ids = some(max(1, first - 300), 40)
            assert reader.search(codes).ids.tolist() == ids.tolist()
            assert len(reader) == first + 39

    @pytest.mark.slow
    def test_two_processes_that_append_at_once_lose_nothing(self, tmp_path: Path) -> None:
        program = """
import sys
from pathlib import Path
import numpy as np
from indexer.hashing import store as s
s.LOG_ROWS = 40
store = s.HashStore(Path(sys.argv[1]))
done = 0
while done < 60:
    first = store.checkpoint + 1
    ids = np.arange(first, first + 7, dtype=np.int64)
    codes = np.zeros((7, 32), np.uint8)
    codes.view(np.uint64)[:, 0] = ids
    codes.view(np.uint64)[:, 1:] = (ids * 0x9E3779B97F4A7C1)[:, None]
    try:
        store.append(codes, ids)
        done += 1
    except s.HashIndexError:
        continue
"""
        workers = [
            subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "store")])
            for _ in range(2)
        ]
        assert [worker.wait(120) for worker in workers] == [0, 0]
        store = HashStore(tmp_path / "store")
        assert len(store) == 2 * 60 * 7
        assert store.checkpoint == 2 * 60 * 7
        store.check()

    @pytest.mark.usefixtures("small_steps")
    def test_memory_and_open_files_do_not_grow_over_a_hundred_rebuilds(
        self, tmp_path: Path
    ) -> None:
        store, process = HashStore(tmp_path / "store"), psutil.Process()
        sizes = []
        for turn in range(100):
            store.append(*some(1 + turn * 60, 60))
            store.search(some(1, 4)[0])
            if turn in (40, 99):
                sizes.append((process.memory_info().rss, len(process.open_files())))
        assert sizes[1][0] - sizes[0][0] < 40_000_000
        assert sizes[1][1] <= sizes[0][1]


class TestDamage:
    @pytest.fixture
    def filled(self, tmp_path: Path, small_steps: None) -> Path:
        store = HashStore(tmp_path / "store")
        for first in range(1, 700, 49):
            store.append(*some(first, 49))
        return tmp_path / "store"

    def test_what_a_killed_writer_left_behind_counts_for_nothing(self, filled: Path) -> None:
        store = HashStore(filled)
        count, manifest = len(store), store._manifest()
        with (filled / manifest.log).open("ab") as log:
            log.write(b"half a record")
        (filled / "segment-999").mkdir()
        (filled / "segment-999" / "codes").write_bytes(b"unfinished")
        assert len(HashStore(filled)) == count
        store.append(*some(store.checkpoint + 1, 60))
        assert len(HashStore(filled)) == count + 60
        HashStore(filled).check()
        assert not (filled / "segment-999").exists()

    def test_a_shortened_file_is_noticed(self, filled: Path) -> None:
        for path in [*filled.glob("segment-*/*"), filled / HashStore(filled)._manifest().log]:
            content = path.read_bytes()
            if not content:
                continue
            path.write_bytes(content[:-1])
            with pytest.raises(HashStoreDamagedError, match="anew"):
                len(HashStore(filled))
            path.write_bytes(content)
        HashStore(filled).check()

    def test_a_missing_file_is_noticed(self, filled: Path) -> None:
        next(filled.glob("segment-*/ids")).unlink()
        with pytest.raises(HashStoreDamagedError, match="missing"):
            HashStore(filled).search(some(1, 1)[0])

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 2}'])
    def test_another_manifest_is_noticed(self, filled: Path, content: bytes) -> None:
        (filled / "manifest.json").write_bytes(content)
        with pytest.raises(HashStoreDamagedError):
            len(HashStore(filled))
        HashStore(filled).clear()
        assert len(HashStore(filled)) == 0

    def test_check_notices_tables_that_do_not_find_their_hashes(self, filled: Path) -> None:
        rows = next(filled.glob("segment-*/rows"))
        rows.write_bytes(b"\xff\0\0\0" * (rows.stat().st_size // 4))
        with pytest.raises(HashStoreDamagedError, match="tables"):
            HashStore(filled).check()

    @pytest.mark.parametrize(("limit", "kept"), [(1000, 0), (1_000_000, 600)])
    def test_a_full_disk_loses_nothing_and_going_on_is_right(
        self, filled: Path, limit: int, kept: int
    ) -> None:
        """A child whose files may not grow beyond a limit meets the error of a full disk: while
        it writes the log, or while it merges.
        """
        program = f"""
import signal, resource
from pathlib import Path
import numpy as np
from indexer.hashing import index as i, store as s
s.LOG_ROWS, s.FLAT_BELOW, i._CHUNKS_FEW = 50, 400, 16
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {resource.getrlimit(resource.RLIMIT_FSIZE)[1]}))
store = s.HashStore(Path({str(filled)!r}))
first = store.checkpoint + 1
ids = np.arange(first, first + 600, dtype=np.int64)
codes = np.random.default_rng(1).integers(0, 256, (600, 32), dtype=np.uint8)
try:
    store.append(codes, ids)
except OSError as error:
    print("refused", store.checkpoint - first + 1)
"""
        environment = {**os.environ, "PYTHONPATH": str(Path(hash_store.__file__).parents[2])}
        before = HashStore(filled)
        count = len(before)
        answer = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        assert answer.stdout.split() == ["refused", str(kept)]
        again = HashStore(filled)
        assert len(again) == count + kept
        again.check()
        again.append(*some(again.checkpoint + 1, 60))
        again.check()
        assert len(again) == count + kept + 60
