"""The vault: seals what belongs to a person under that person's key, and keeps encrypted files.

Guarantees: a sealed value opens only with the same person and the same context (where it is
kept), so nothing can be swapped between rows or people; destroying a person's key makes all that
was sealed under it unreadable, wherever copies of it are; look-ups in the database go by keyed
HMAC, never by the value itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import shutil
import uuid
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from service.vault.errors import KeyDestroyedError, VaultDamagedError
from service.vault.keystore import (
    KeyStore,
    decrypt,
    encrypt,
    load_or_create_master_key,
    parse_master_key,
    sync_folder,
    write_durably,
)

Document = TypeVar("Document")


class Vault:
    """Keys and encrypted files of one installation. Safe to share between threads."""

    def __init__(self, keys: KeyStore, files_dir: Path) -> None:
        self._keys = keys
        self._files_dir = files_dir
        files_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    @classmethod
    def open(cls, vault_dir: Path, files_dir: Path, master_key: SecretStr | None = None) -> Vault:
        """Open or create the vault. The master key is the operator's, or `master.key`."""
        if master_key is not None:
            key = parse_master_key(master_key.get_secret_value())
        else:
            key = load_or_create_master_key(vault_dir / "master.key")
        return cls(KeyStore(vault_dir, key), files_dir)

    def create_person_key(self, person_id: uuid.UUID) -> None:
        """Make the person's own key; everything of theirs is sealed under it."""
        self._keys.get_or_create(_person(person_id))

    def has_person_key(self, person_id: uuid.UUID) -> bool:
        """Whether the person's key still exists."""
        return self._keys.get(_person(person_id)) is not None

    def destroy_person_key(self, person_id: uuid.UUID) -> bool:
        """Destroy the person's key, re-key the store and remove their files. False if gone."""
        destroyed = self._keys.destroy(_person(person_id))
        if self._folder(person_id).exists():
            shutil.rmtree(self._folder(person_id))
        return destroyed

    def seal(self, person_id: uuid.UUID, context: str, plaintext: bytes) -> bytes:
        """Encrypt under the person's key. `context` names the place: "table.column:row-id"."""
        return encrypt(self._person_key(person_id), _bound(person_id, context), plaintext)

    def unseal(self, person_id: uuid.UUID, context: str, sealed: bytes) -> bytes:
        """Open what `seal` made for the same person and context."""
        return decrypt(self._person_key(person_id), _bound(person_id, context), sealed)

    def seal_document(self, person_id: uuid.UUID, context: str, document: object) -> bytes:
        """Seal a `msgspec.Struct` or frozen dataclass as one encrypted document."""
        return self.seal(person_id, context, msgspec.msgpack.encode(document))

    def unseal_document(
        self, person_id: uuid.UUID, context: str, sealed: bytes, kind: type[Document]
    ) -> Document:
        """Open a document that `seal_document` made, as the type `kind`."""
        plaintext = self.unseal(person_id, context, sealed)
        try:
            return msgspec.msgpack.decode(plaintext, type=kind)
        except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise VaultDamagedError(f"an encrypted document is not a {kind.__name__}") from error

    def seal_system(self, context: str, plaintext: bytes) -> bytes:
        """Encrypt a secret of the installation itself (never of a person)."""
        return encrypt(self._keys.get_or_create("system:secrets"), context.encode(), plaintext)

    def unseal_system(self, context: str, sealed: bytes) -> bytes:
        """Open what `seal_system` made for the same context."""
        return decrypt(self._keys.get_or_create("system:secrets"), context.encode(), sealed)

    def lookup(self, purpose: str, value: str) -> str:
        """A keyed HMAC (64 hex digits) by which `value` can be found without being stored."""
        key = self._keys.get_or_create("system:lookup")
        text = f"{purpose}\x00{value}".encode(errors="surrogatepass")
        return hmac.new(key, text, hashlib.sha256).hexdigest()

    def signing_key(self, organisation_id: uuid.UUID) -> Ed25519PrivateKey:
        """The organisation's key for sealing exhibits, notices and receipts (Ed25519)."""
        seed = self._keys.get_or_create(f"signing:{organisation_id}")
        return Ed25519PrivateKey.from_private_bytes(seed)

    def new_file_id(self) -> str:
        """An id that a row may name before its file is written: a crash then leaves no orphan."""
        return secrets.token_hex(16)

    def put_file(
        self, person_id: uuid.UUID, context: str, content: bytes, file_id: str | None = None
    ) -> str:
        """Store an encrypted file of the person; returns its id. Whole or not at all.

        `file_id` is one that `new_file_id` gave, to be used once; None takes a new one.
        """
        file_id = self.new_file_id() if file_id is None else _checked(file_id)
        folder = self._folder(person_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sealed = self.seal(person_id, f"file:{file_id}:{context}", content)
        temporary = folder / f"{file_id}.new"
        write_durably(temporary, sealed)
        try:
            temporary.replace(folder / file_id)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(folder)
        return file_id

    def get_file(self, person_id: uuid.UUID, context: str, file_id: str) -> bytes:
        """Open a file that `put_file` stored for the same person and context."""
        path = self._folder(person_id) / _checked(file_id)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError as error:
            if not self.has_person_key(person_id):
                raise KeyDestroyedError("this person was erased") from error
            raise VaultDamagedError(f"the encrypted file {file_id} is missing") from error
        return self.unseal(person_id, f"file:{file_id}:{context}", sealed)

    def delete_file(self, person_id: uuid.UUID, file_id: str) -> bool:
        """Remove a file; False when it was gone already."""
        path = self._folder(person_id) / _checked(file_id)
        path.with_name(f"{file_id}.new").unlink(missing_ok=True)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True

    def _person_key(self, person_id: uuid.UUID) -> bytes:
        key = self._keys.get(_person(person_id))
        if key is None:
            raise KeyDestroyedError("this person was erased; nothing of theirs can be read")
        return key

    def _folder(self, person_id: uuid.UUID) -> Path:
        return self._files_dir / str(person_id)


def _person(person_id: uuid.UUID) -> str:
    return f"person:{person_id}"


def _bound(person_id: uuid.UUID, context: str) -> bytes:
    return f"likeness/person/{person_id}/{context}".encode()


def _checked(file_id: str) -> str:
    if len(file_id) != 32 or any(letter not in "0123456789abcdef" for letter in file_id):
        raise VaultDamagedError("a file id is 32 hexadecimal digits")
    return file_id
