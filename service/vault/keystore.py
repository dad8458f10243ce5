"""The key store: wrapped person keys in one file of their own, outside the database.

1. The master key (from the operator, or a file made at first start) wraps a *store key*.
2. The store key wraps each entry: one key a person, and a few of the installation.
3. Every change writes the whole file anew and swaps it in atomically, under a file lock, so that
   web, workers and commands may share it.
4. Destroying an entry makes a **new store key** and wraps all others again: a copy of the deleted
   entry in an old file can then not be opened with what the store still holds (design rule 7).
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.vault.errors import VaultDamagedError

KEY_BYTES = 32
_NONCE_BYTES = 12
_STORE_KEY_CONTEXT = b"likeness/store-key/v1"


class _StoreFile(msgspec.Struct, frozen=True):
    version: int
    wrapped_store_key: bytes
    entries: dict[str, bytes]


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
    """The master key in `path` (64 hex digits, mode 0600), made once when there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
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
        self._path = folder / "keys.msgpack"
        self._lock_path = folder / "keys.lock"
        self._master_key = master_key
        self._seen: tuple[int, int] | None = None
        self._store_key = b""
        self._entries: dict[str, bytes] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, name: str) -> bytes | None:
        """The key called `name`, or None when there is none (any more)."""
        self._reload()
        wrapped = self._entries.get(name)
        if wrapped is None:
            return None
        return decrypt(self._store_key, name.encode(), wrapped)

    def get_or_create(self, name: str) -> bytes:
        """The key called `name`, made at random the first time."""
        existing = self.get(name)
        if existing is not None:
            return existing
        with self._exclusive():
            self._reload()
            if name not in self._entries:
                entries = dict(self._entries)
                entries[name] = encrypt(self._store_key, name.encode(), secrets.token_bytes(32))
                self._write(self._store_key, entries)
        key = self.get(name)
        if key is None:
            raise VaultDamagedError(f"the key store lost an entry that was just written: {name}")
        return key

    def destroy(self, name: str) -> bool:
        """Remove the key called `name` and re-key the store; False when it was not there."""
        with self._exclusive():
            self._reload()
            if name not in self._entries:
                return False
            new_store_key = secrets.token_bytes(KEY_BYTES)
            entries = {
                other: encrypt(
                    new_store_key, other.encode(), decrypt(self._store_key, other.encode(), wrapped)
                )
                for other, wrapped in self._entries.items()
                if other != name
            }
            with self._path.open("r+b") as old_file:
                self._write(new_store_key, entries)
                _overwrite(old_file)
            return True

    def names(self) -> tuple[str, ...]:
        """Names of all entries; for `likeness doctor`."""
        self._reload()
        return tuple(sorted(self._entries))

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not self._path.exists():
                self._write(secrets.token_bytes(KEY_BYTES), {})
            yield
        finally:
            os.close(handle)

    def _reload(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return
        seen = (status.st_ino, status.st_mtime_ns)
        if seen == self._seen:
            return
        try:
            content = msgspec.msgpack.decode(self._path.read_bytes(), type=_StoreFile)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise VaultDamagedError(
                f"the key store {self._path} cannot be read; restore it from your own copy"
            ) from error
        self._store_key = decrypt(self._master_key, _STORE_KEY_CONTEXT, content.wrapped_store_key)
        self._entries = content.entries
        self._seen = seen

    def _write(self, store_key: bytes, entries: dict[str, bytes]) -> None:
        content = msgspec.msgpack.encode(
            _StoreFile(1, encrypt(self._master_key, _STORE_KEY_CONTEXT, store_key), entries)
        )
        temporary = self._path.with_suffix(f".{secrets.token_hex(4)}.new")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._store_key, self._entries = store_key, entries
        status = self._path.stat()
        self._seen = (status.st_ino, status.st_mtime_ns)


def _overwrite(file: BinaryIO) -> None:
    """Best effort against reading freed blocks: the file is unlinked already, its bytes go too."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    file.write(bytes(length))
    file.flush()
    os.fsync(file.fileno())
