"""The key store: wrapped person keys in files of their own, outside the database.

1. The master key (from the operator, or a file made at first start) wraps a *store key*, which
   lies in a small file of its own.
2. The store key wraps each entry of `keys.msgpack`: one key a person, and a few of the
   installation.
3. Every change writes the whole file anew and swaps it in atomically, under a file lock, so that
   web, workers and commands may share it.
4. Destroying an entry makes a **new store key**, wraps all others again, and destroys the old store
   key: a copy of an older `keys.msgpack` can then be opened by nobody, not even with the master
   key (design rule 7). What it cannot reach is a copy of the old store key's file as well: the
   vault's folder must not be kept in backups that outlive an erasure.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.vault.errors import UnsafeKeyFileError, VaultDamagedError

KEY_BYTES = 32
_NONCE_BYTES = 12
_STORE_KEY_CONTEXT = "likeness/store-key/v1/"
_STORE_KEY_ID = re.compile(r"[0-9a-f]{16}")
_FORMAT_VERSION = 1
_READ_ATTEMPTS = 8


class _StoreFile(msgspec.Struct, frozen=True):
    version: int
    store_key_id: str
    entries: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class _State:
    """What was read last. One object, so that threads never see half of a change."""

    seen: tuple[int, int] | None
    store_key_id: str
    store_key: bytes
    entries: Mapping[str, bytes]


_NOTHING = _State(None, "", b"", {})


def encrypt(key: bytes, context: bytes, plaintext: bytes) -> bytes:
    """AES-256-GCM bound to `context`; a random 96-bit nonce goes in front."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def decrypt(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """Undo `encrypt`; raises `VaultDamagedError` for anything altered or of another context."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise VaultDamagedError(
            "an encrypted value does not open: it was altered, swapped, or the master key is "
            "not the one it was made with"
        ) from error


def load_or_create_master_key(path: Path) -> bytes:
    """The master key in `path` (64 hex digits, mode 0600), made once when there is none.

    A file that others of this machine may read is refused: whoever reads it can open everything.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(f".{secrets.token_hex(4)}.new")
        write_durably(temporary, secrets.token_hex(KEY_BYTES).encode())
        try:
            # a link, not a rename: of two first starts at once, the second takes the first's key
            path.hardlink_to(temporary)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        sync_folder(path.parent)
    if path.stat().st_mode & 0o077:
        raise UnsafeKeyFileError(
            f"The master key {path} may be read by other accounts of this machine. Run "
            f"`chmod 600 {path}`; if anyone else may have read it, treat it as known to them."
        )
    return parse_master_key(path.read_text(encoding="ascii"))


def parse_master_key(text: str) -> bytes:
    """64 hex digits to 32 bytes, or a clear error."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError as error:
        raise VaultDamagedError("the master key must be 64 hexadecimal digits") from error
    if len(key) != KEY_BYTES:
        raise VaultDamagedError("the master key must be 64 hexadecimal digits (32 bytes)")
    return key


class KeyStore:
    """Named 32-byte keys in one wrapped file. Names: `person:<id>`, `system:<purpose>`, …"""

    def __init__(self, folder: Path, master_key: bytes) -> None:
        self._folder = folder
        self._path = folder / "keys.msgpack"
        self._lock_path = folder / "keys.lock"
        self._master_key = master_key
        self._last = _NOTHING
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, name: str) -> bytes | None:
        """The key called `name`, or None when there is none (any more)."""
        return _key_in(self._read(), name)

    def get_or_create(self, name: str) -> bytes:
        """The key called `name`, made at random the first time."""
        existing = self.get(name)
        if existing is not None:
            return existing
        with self._exclusive() as state:
            made = _key_in(state, name)
            if made is None:
                made = secrets.token_bytes(KEY_BYTES)
                entries = {**state.entries, name: encrypt(state.store_key, name.encode(), made)}
                self._swap_in(state.store_key_id, state.store_key, entries)
            return made

    def destroy(self, name: str) -> bool:
        """Remove the key called `name` and re-key the store; False when it was not there."""
        with self._exclusive() as state:
            if name not in state.entries:
                return False
            new_store_key = secrets.token_bytes(KEY_BYTES)
            entries = {
                other: encrypt(
                    new_store_key, other.encode(), decrypt(state.store_key, other.encode(), wrapped)
                )
                for other, wrapped in state.entries.items()
                if other != name
            }
            old_file = os.open(self._path, os.O_WRONLY)
            try:
                in_use = self._start_store_key(new_store_key, entries)
                _overwrite(old_file)
            finally:
                os.close(old_file)
            self._sweep(in_use)
            return True

    def names(self) -> tuple[str, ...]:
        """Names of all entries; for `likeness doctor`."""
        return tuple(sorted(self._read().entries))

    @contextmanager
    def _exclusive(self) -> Iterator[_State]:
        """The state under the lock of all processes; leftovers of a crash are removed first."""
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if self._read() is _NOTHING:
                self._start_store_key(secrets.token_bytes(KEY_BYTES), {})
            state = self._read()
            self._sweep(state.store_key_id)
            yield state
        finally:
            os.close(handle)

    def _read(self) -> _State:
        """The state now. A reader may meet a file that is just being replaced: it looks again."""
        for _ in range(_READ_ATTEMPTS):
            seen = self._seen()
            last = self._last
            if seen is None and last is not _NOTHING:
                raise VaultDamagedError(f"the key store {self._path} is gone")
            if seen == last.seen:
                return last
            try:
                self._last = self._load()
            except (VaultDamagedError, FileNotFoundError):
                if self._seen() == seen:
                    raise
                continue
            return self._last
        raise VaultDamagedError(f"the key store {self._path} keeps changing; try again")

    def _load(self) -> _State:
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
        try:
            stored = msgspec.msgpack.decode(content, type=_StoreFile)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise VaultDamagedError(
                f"the key store {self._path} cannot be read; restore it from your own copy"
            ) from error
        if stored.version != _FORMAT_VERSION or not _STORE_KEY_ID.fullmatch(stored.store_key_id):
            raise VaultDamagedError(f"the key store {self._path} was altered or is of a later form")
        key_path = self._store_key_path(stored.store_key_id)
        try:
            wrapped = key_path.read_bytes()
        except FileNotFoundError as error:
            raise VaultDamagedError(
                f"the key store's own key {key_path.name} is missing: this is a copy of a store "
                "that was re-keyed since, or part of one"
            ) from error
        store_key = decrypt(self._master_key, _store_key_context(stored.store_key_id), wrapped)
        seen = (status.st_ino, status.st_mtime_ns)
        return _State(seen, stored.store_key_id, store_key, stored.entries)

    def _start_store_key(self, store_key: bytes, entries: Mapping[str, bytes]) -> str:
        """Put a new store key beside the old one and swap in entries that are wrapped with it."""
        store_key_id = secrets.token_hex(8)
        path = self._store_key_path(store_key_id)
        write_durably(path, encrypt(self._master_key, _store_key_context(store_key_id), store_key))
        try:
            self._swap_in(store_key_id, store_key, entries)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return store_key_id

    def _swap_in(self, store_key_id: str, store_key: bytes, entries: Mapping[str, bytes]) -> None:
        content = msgspec.msgpack.encode(_StoreFile(_FORMAT_VERSION, store_key_id, dict(entries)))
        temporary = self._path.with_suffix(f".{secrets.token_hex(4)}.new")
        write_durably(temporary, content)
        try:
            self._make_newer(temporary)
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(self._folder)
        self._last = _State(self._seen(), store_key_id, store_key, dict(entries))

    def _make_newer(self, temporary: Path) -> None:
        """Two changes within one tick of the file system's clock must not look the same."""
        seen = self._seen()
        if seen is not None and temporary.stat().st_mtime_ns <= seen[1]:
            os.utime(temporary, ns=(seen[1] + 1, seen[1] + 1))

    def _sweep(self, store_key_id: str) -> None:
        """Overwrite and remove store keys that are not in use, and files that were cut short."""
        in_use = self._store_key_path(store_key_id)
        for pattern in ("store-*.key", "keys.*.new"):
            for path in self._folder.glob(pattern):
                if path == in_use:
                    continue
                handle = os.open(path, os.O_WRONLY)
                try:
                    _overwrite(handle)
                finally:
                    os.close(handle)
                path.unlink()
                sync_folder(self._folder)

    def _seen(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _store_key_path(self, store_key_id: str) -> Path:
        return self._folder / f"store-{store_key_id}.key"


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file (mode 0600) down to the disk; whole, or not there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make names that were added to or removed from `folder` survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _key_in(state: _State, name: str) -> bytes | None:
    wrapped = state.entries.get(name)
    return None if wrapped is None else decrypt(state.store_key, name.encode(), wrapped)


def _store_key_context(store_key_id: str) -> bytes:
    return f"{_STORE_KEY_CONTEXT}{store_key_id}".encode()


def _overwrite(handle: int) -> None:
    """Best effort against reading freed blocks: zeros over the whole file, down to the disk."""
    length = os.fstat(handle).st_size
    os.pwrite(handle, bytes(length), 0)
    os.fsync(handle)
