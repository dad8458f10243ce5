"""Hash indexes on disk: they grow, outlive the process, and are shared by all workers of a machine.

1. `append` writes new hashes to the end of a log; the manifest, replaced in one step, says how much
   of it counts. What a killed process or a full disk leaves behind counts for nothing and is
   overwritten.
2. A long log becomes a segment: its codes, ids and tables in files that are never changed again.
   There are at most two segments, a large one and a growing one; the growing one is merged into
   the large one when it has an eighth of its size, so that each hash is written about ten times in
   all, and a look-up asks three indexes at most.
3. `search` maps the files of the manifest into memory; processes share them through the page cache,
   and memory that is needed elsewhere is given back by the system. When another process has
   appended, the next search follows.

One writer at a time (a file lock), any number of readers. Ids only grow: the highest one is the
checkpoint up to which whoever feeds the store is done. Nothing here identifies anybody, and all of
it can be built anew from where the hashes come from.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from indexer.hashing.index import (
    CODE_BYTES,
    FLAT_BELOW,
    MAX_DISTANCE,
    Codes,
    FlatIndex,
    HashIndex,
    HashIndexError,
    Hits,
    Ids,
    MultiIndex,
    check_rows,
    multi_tables,
    table_sizes,
)

LOG_ROWS: Final = 1 << 16
"""A longer log becomes a segment: comparing with so many one by one costs a tenth of a millisecond,
and an append, with reading them in again, 3 to 13."""
_MERGE_SHARE: Final = 8
_RECORD: Final = np.dtype([("code", np.uint8, (CODE_BYTES,)), ("id", "<i8")])
_FORMAT: Final = 1

Number = TypeVar("Number", bound=np.generic)


class HashStoreDamagedError(HashIndexError):
    """Files of a store are missing, cut short, or do not fit each other: build it anew."""

    code = "hash_store_damaged"


class _Segment(msgspec.Struct, frozen=True):
    name: str
    rows: int


class _Manifest(msgspec.Struct, frozen=True):
    """What counts: `log_rows` of the log called `log`, and the segments, the oldest ids first."""

    version: int = _FORMAT
    generation: int = 0
    log: str = "log-0"
    log_rows: int = 0
    checkpoint: int = 0
    segments: tuple[_Segment, ...] = ()

    @property
    def rows(self) -> int:
        return self.log_rows + sum(segment.rows for segment in self.segments)


@dataclass(frozen=True, slots=True)
class _Opened:
    """One manifest, mapped into memory."""

    mark: tuple[int, int, int]
    manifest: _Manifest
    parts: dict[str, HashIndex]


class HashStore:
    """A persistent `HashIndex` in a folder. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written before it is needed; the folder is made by `append`."""
        self._folder = folder
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    def __len__(self) -> int:
        return self._follow().manifest.rows

    @property
    def checkpoint(self) -> int:
        """The highest id that is kept; 0 when there is none."""
        return self._follow().manifest.checkpoint

    @property
    def ids(self) -> Ids:
        """(n,) int64: every id that is kept, ascending."""
        parts = self._follow().parts.values()
        return np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)])

    def search(self, queries: Codes, max_distance: int = MAX_DISTANCE) -> Hits:
        """As `HashIndex.search`, over all that was appended by anybody until now.

        Raises `HashIndexError` on a wrong question, `HashStoreDamagedError` when files are damaged.
        """
        parts = self._follow().parts.values()
        found = [part.search(queries, max_distance) for part in parts]
        return Hits.together(found)

    def append(self, codes: Codes, ids: Ids) -> None:
        """Keep (n, 32) uint8 hashes with (n,) ids, ascending and above the checkpoint.

        When it returns they are on disk and found by every process. Raises `HashIndexError` on
        other ids, `HashStoreDamagedError`, and `OSError` when the disk is full: `checkpoint` says
        what was kept, and going on from there is always right.
        """
        codes, ids = check_rows(codes, ids)
        if not len(ids):
            return
        with self._writing() as manifest:
            if int(ids[0]) <= manifest.checkpoint or np.any(np.diff(ids) <= 0):
                raise HashIndexError(
                    f"ids have to ascend from above the checkpoint ({manifest.checkpoint})"
                )
            longer = self._to_log(manifest, codes, ids)
            if longer.log_rows > LOG_ROWS:
                self._merge(longer)

    def clear(self) -> None:
        """Empty the store, also a damaged one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            generation = self._next_generation()
            self._put(_Manifest(generation=generation, log=f"log-{generation}"))
            self._sweep()

    def check(self) -> None:
        """Read everything through. Raises `HashStoreDamagedError` when something does not fit."""
        opened = self._follow()
        last = 0
        for name, part in opened.parts.items():
            ids = np.asarray(part.ids)
            if len(ids) and (int(ids[0]) <= last or np.any(np.diff(ids) <= 0)):
                raise HashStoreDamagedError(f"{name}: ids are out of order; build the store anew")
            last = int(ids[-1]) if len(ids) else last
            if isinstance(part, MultiIndex):
                self._check_tables(name, part)
        if last != opened.manifest.checkpoint:
            raise HashStoreDamagedError("the last id is not the checkpoint; build the store anew")

    # Reading

    def _follow(self) -> _Opened:
        with self._lock:
            for _ in range(3):
                mark = self._mark()
                if self._opened is not None and self._opened.mark == mark:
                    return self._opened
                manifest = self._manifest()
                known = self._opened.parts if self._opened is not None else {}
                try:
                    parts = self._open_parts(manifest, known)
                except FileNotFoundError as error:
                    # Merged away by another process between the two looks: look again.
                    if self._mark() != mark:
                        continue
                    raise HashStoreDamagedError(
                        f"{error.filename} is missing; build the store anew"
                    ) from error
                self._opened = _Opened(mark, manifest, parts)
                return self._opened
        raise HashStoreDamagedError("the store changes faster than it can be opened")

    def _mark(self) -> tuple[int, int, int]:
        """Changes whenever the manifest is replaced."""
        try:
            status = self._manifest_path.stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def _manifest(self) -> _Manifest:
        try:
            content = self._manifest_path.read_bytes()
        except FileNotFoundError:
            return _Manifest()
        try:
            manifest = msgspec.json.decode(content, type=_Manifest)
        except msgspec.DecodeError as error:
            raise HashStoreDamagedError(
                "the manifest cannot be read; build the store anew"
            ) from error
        if manifest.version != _FORMAT:
            raise HashStoreDamagedError(
                f"the store has format {manifest.version}, not {_FORMAT}; build it anew"
            )
        return manifest

    def _open_parts(self, manifest: _Manifest, known: dict[str, HashIndex]) -> dict[str, HashIndex]:
        parts = {
            segment.name: known.get(segment.name) or self._open_segment(segment)
            for segment in manifest.segments
        }
        records = self._log_records(manifest)
        codes = np.ascontiguousarray(records["code"])
        parts[manifest.log] = FlatIndex(codes, records["id"].astype(np.int64))
        return parts

    def _open_segment(self, segment: _Segment) -> HashIndex:
        folder, count = self._folder / segment.name, segment.rows
        codes = _mapped(folder / "codes", np.uint8, count * CODE_BYTES).reshape(count, CODE_BYTES)
        ids = _mapped(folder / "ids", np.int64, count)
        if count < FLAT_BELOW:
            return FlatIndex(codes, ids)
        starts_count, rows_count = table_sizes(count)
        starts = _mapped(folder / "starts", np.uint32, starts_count)
        rows = _mapped(folder / "rows", np.uint32, rows_count)
        return MultiIndex(codes, ids, starts, rows)

    def _log_records(self, manifest: _Manifest) -> npt.NDArray[np.void]:
        wanted = manifest.log_rows * _RECORD.itemsize
        if not wanted:
            return np.empty(0, dtype=_RECORD)
        path = self._folder / manifest.log
        with path.open("rb") as log:
            content = log.read(wanted)
        if len(content) != wanted:
            raise HashStoreDamagedError(f"{path.name} is cut short; build the store anew")
        return np.frombuffer(content, dtype=_RECORD)

    @staticmethod
    def _check_tables(name: str, part: MultiIndex) -> None:
        for at in range(0, len(part), 100_003):
            code = np.ascontiguousarray(part.codes[at : at + 1])
            if int(part.ids[at]) not in part.search(code, 0).ids:
                raise HashStoreDamagedError(
                    f"{name}: its tables do not find its own hashes; build the store anew"
                )

    # Writing

    @property
    def _manifest_path(self) -> Path:
        return self._folder / "manifest.json"

    @contextlib.contextmanager
    def _writing(self) -> Iterator[_Manifest]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            yield self._manifest()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _to_log(self, manifest: _Manifest, codes: Codes, ids: Ids) -> _Manifest:
        records = np.empty(len(ids), dtype=_RECORD)
        records["code"], records["id"] = codes, ids
        begin = manifest.log_rows * _RECORD.itemsize
        descriptor = os.open(self._folder / manifest.log, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as log:
            if os.fstat(log.fileno()).st_size < begin:
                raise HashStoreDamagedError(f"{manifest.log} is cut short; build the store anew")
            # What a writer that was killed had written counts for nothing.
            log.truncate(begin)
            log.seek(begin)
            log.write(records.tobytes())
            log.flush()
            os.fsync(log.fileno())
        longer = msgspec.structs.replace(
            manifest, log_rows=manifest.log_rows + len(ids), checkpoint=int(ids[-1])
        )
        self._put(longer)
        return longer

    def _merge(self, manifest: _Manifest) -> None:
        """Log and growing segment into one; with the large one as well when it is time."""
        segments = list(manifest.segments)
        merged = [segments.pop()] if len(segments) > 1 else []
        rows = manifest.log_rows + sum(segment.rows for segment in merged)
        if segments and rows * _MERGE_SHARE > segments[0].rows:
            merged.insert(0, segments.pop(0))
        generation = self._next_generation()
        segment = self._write_segment(f"segment-{generation}", manifest, merged)
        self._put(
            _Manifest(
                generation=generation,
                log=f"log-{generation}",
                checkpoint=manifest.checkpoint,
                segments=(*segments, segment),
            )
        )
        self._sweep()

    def _write_segment(self, name: str, manifest: _Manifest, merged: list[_Segment]) -> _Segment:
        folder = self._folder / name
        folder.mkdir(mode=0o700)
        records = self._log_records(manifest)
        sources = [self._open_columns(segment) for segment in merged]
        sources.append((np.ascontiguousarray(records["code"]), records["id"].astype(np.int64)))
        count = sum(len(ids) for _, ids in sources)
        _write(folder / "codes", [codes for codes, _ in sources])
        _write(folder / "ids", [ids for _, ids in sources])
        if count >= FLAT_BELOW:
            codes = _mapped(folder / "codes", np.uint8, count * CODE_BYTES)
            starts_count, rows_count = table_sizes(count)
            with (
                _to_be_filled(folder / "starts", starts_count) as starts,
                _to_be_filled(folder / "rows", rows_count) as rows,
            ):
                multi_tables(codes.reshape(count, CODE_BYTES), starts, rows)
        return _Segment(name, count)

    def _open_columns(self, segment: _Segment) -> tuple[Codes, Ids]:
        part = self._open_segment(segment)
        return part.codes, part.ids

    def _put(self, manifest: _Manifest) -> None:
        staged = self._folder / "manifest.new"
        with staged.open("wb") as file:
            file.write(msgspec.json.encode(manifest))
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self._manifest_path)
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _next_generation(self) -> int:
        """Above every name that is in use, also by what a killed writer left behind."""
        used = [0]
        for path in self._folder.iterdir():
            kind, _, number = path.name.partition("-")
            if kind in ("log", "segment") and number.isdigit():
                used.append(int(number))
        return max(used) + 1

    def _sweep(self) -> None:
        """Delete what the manifest does not name. Readers that have it mapped keep it."""
        manifest = self._manifest()
        kept = {manifest.log, *(segment.name for segment in manifest.segments)}
        for path in self._folder.iterdir():
            if path.name in kept or path.name.partition("-")[0] not in ("log", "segment"):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _mapped(path: Path, kind: type[Number], count: int) -> npt.NDArray[Number]:
    """A file as an array that cannot be written. Raises `HashStoreDamagedError` on another size."""
    size = path.stat().st_size
    if size != count * np.dtype(kind).itemsize:
        raise HashStoreDamagedError(f"{path.name} has {size} bytes; build the store anew")
    # A plain array over the mapping: numpy's own memmap class costs at every index.
    return np.asarray(np.memmap(path, kind, "r", shape=(count,)))


@contextlib.contextmanager
def _to_be_filled(path: Path, count: int) -> Iterator[npt.NDArray[np.uint32]]:
    """A new file as an array to be filled; on disk when the block ends."""
    size = count * np.dtype(np.uint32).itemsize
    with path.open("wb") as file:
        # Writing into a mapping for which the disk has no room kills the process (SIGBUS).
        os.posix_fallocate(file.fileno(), 0, size)
    array = np.memmap(path, np.uint32, "r+", shape=(count,))
    yield array
    array.flush()


def _write(path: Path, arrays: Sequence[npt.NDArray[Number]]) -> None:
    with path.open("wb") as file:
        for array in arrays:
            array.tofile(file)
        file.flush()
        os.fsync(file.fileno())
