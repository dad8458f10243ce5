"""The vault: what is sealed opens for the same person and place only, until its key is gone."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from service.vault import KeyDestroyedError, Vault, VaultDamagedError

ANNA, BEN = uuid.UUID(int=1), uuid.UUID(int=2)
contexts = st.text(min_size=1, max_size=40)
contents = st.binary(max_size=300)


@dataclass(frozen=True)
class Note:
    text: str
    pages: int


class Other(msgspec.Struct, frozen=True):
    name: str


@pytest.fixture(scope="module")
def shared() -> Iterator[Vault]:
    """One vault for the property tests, which only add to it."""
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault.open(Path(folder) / "vault", Path(folder) / "files")
        vault.create_person_key(ANNA)
        vault.create_person_key(BEN)
        yield vault


@pytest.fixture
def two(vault: Vault) -> Vault:
    vault.create_person_key(ANNA)
    vault.create_person_key(BEN)
    return vault


@given(content=contents, context=contexts)
@settings(max_examples=60, deadline=None)
def test_what_is_sealed_opens_in_the_same_place(
    shared: Vault, content: bytes, context: str
) -> None:
    sealed = shared.seal(ANNA, context, content)
    assert shared.unseal(ANNA, context, sealed) == content
    assert len(sealed) == len(content) + 28


@given(content=contents, context=contexts, place=st.integers(0, 10_000), flip=st.integers(1, 255))
@settings(max_examples=120, deadline=None)
def test_any_flipped_byte_is_noticed(
    shared: Vault, content: bytes, context: str, place: int, flip: int
) -> None:
    sealed = bytearray(shared.seal(ANNA, context, content))
    sealed[place % len(sealed)] ^= flip
    with pytest.raises(VaultDamagedError):
        shared.unseal(ANNA, context, bytes(sealed))


@given(content=contents, cut=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_any_cut_is_noticed(shared: Vault, content: bytes, cut: int) -> None:
    sealed = shared.seal(ANNA, "a", content)
    with pytest.raises(VaultDamagedError):
        shared.unseal(ANNA, "a", sealed[: cut % len(sealed)])


@given(one=contexts, other=contexts)
@settings(max_examples=60, deadline=None)
def test_another_context_does_not_open_it(shared: Vault, one: str, other: str) -> None:
    sealed = shared.seal(ANNA, one, b"x")
    if one == other:
        return
    with pytest.raises(VaultDamagedError):
        shared.unseal(ANNA, other, sealed)


def test_another_person_does_not_open_it(two: Vault) -> None:
    sealed = two.seal(ANNA, "people.document", b"x")
    with pytest.raises(VaultDamagedError):
        two.unseal(BEN, "people.document", sealed)


def test_the_same_content_sealed_twice_looks_different(two: Vault) -> None:
    assert two.seal(ANNA, "a", b"same") != two.seal(ANNA, "a", b"same")


def test_a_document_comes_back_as_its_type_and_as_no_other(two: Vault) -> None:
    sealed = two.seal_document(ANNA, "notes", Note("words", 3))
    assert two.unseal_document(ANNA, "notes", sealed, Note) == Note("words", 3)
    with pytest.raises(VaultDamagedError, match="Other"):
        two.unseal_document(ANNA, "notes", sealed, Other)


def test_a_person_without_a_key_cannot_be_sealed_for(vault: Vault) -> None:
    with pytest.raises(KeyDestroyedError):
        vault.seal(ANNA, "a", b"x")


def test_destroying_a_key_takes_everything_of_that_person_and_of_nobody_else(two: Vault) -> None:
    of_anna = two.seal(ANNA, "a", b"anna")
    of_ben = two.seal(BEN, "a", b"ben")
    file_of_anna = two.put_file(ANNA, "photo", b"picture of anna")
    file_of_ben = two.put_file(BEN, "photo", b"picture of ben")
    assert two.destroy_person_key(ANNA) is True
    assert two.has_person_key(ANNA) is False
    with pytest.raises(KeyDestroyedError):
        two.unseal(ANNA, "a", of_anna)
    with pytest.raises(KeyDestroyedError):
        two.get_file(ANNA, "photo", file_of_anna)
    assert two.unseal(BEN, "a", of_ben) == b"ben"
    assert two.get_file(BEN, "photo", file_of_ben) == b"picture of ben"
    assert two.destroy_person_key(ANNA) is False


def test_a_key_made_again_for_the_same_person_opens_nothing_of_before(two: Vault) -> None:
    sealed = two.seal(ANNA, "a", b"anna")
    two.destroy_person_key(ANNA)
    two.create_person_key(ANNA)
    with pytest.raises(VaultDamagedError):
        two.unseal(ANNA, "a", sealed)


def test_erasing_twice_removes_files_that_a_crash_left(two: Vault, tmp_path: Path) -> None:
    two.put_file(ANNA, "photo", b"picture")
    folder = tmp_path / "files" / str(ANNA)
    copy = {path.name: path.read_bytes() for path in folder.iterdir()}
    two.destroy_person_key(ANNA)
    folder.mkdir()
    for name, content in copy.items():
        (folder / name).write_bytes(content)
    assert two.destroy_person_key(ANNA) is False
    assert not folder.exists()


def test_files_are_encrypted_bound_to_their_id_and_readable_by_their_owner_only(
    two: Vault, tmp_path: Path
) -> None:
    content = b"a picture in the clear" * 50
    file_id = two.put_file(ANNA, "photo", content)
    path = tmp_path / "files" / str(ANNA) / file_id
    assert b"picture" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert two.get_file(ANNA, "photo", file_id) == content
    with pytest.raises(VaultDamagedError):
        two.get_file(ANNA, "capture", file_id)
    other = two.put_file(ANNA, "photo", b"another")
    path.write_bytes((path.parent / other).read_bytes())
    with pytest.raises(VaultDamagedError):
        two.get_file(ANNA, "photo", file_id)


def test_a_file_that_could_not_be_written_leaves_nothing(
    two: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.vault.keystore.os.fsync", no_room)
    with pytest.raises(OSError, match="No space"):
        two.put_file(ANNA, "photo", b"picture")
    assert list((tmp_path / "files" / str(ANNA)).iterdir()) == []


def test_a_deleted_file_is_gone_and_a_missing_one_is_said(two: Vault) -> None:
    file_id = two.put_file(ANNA, "photo", b"picture")
    assert two.delete_file(ANNA, file_id) is True
    assert two.delete_file(ANNA, file_id) is False
    with pytest.raises(VaultDamagedError, match="missing"):
        two.get_file(ANNA, "photo", file_id)


@pytest.mark.parametrize("file_id", ["", "../../etc/passwd", "0" * 31, "G" * 32, "a/" * 16])
def test_a_file_id_cannot_name_a_path(two: Vault, file_id: str) -> None:
    for act in (two.delete_file, lambda person, name: two.get_file(person, "photo", name)):
        with pytest.raises(VaultDamagedError, match="32 hexadecimal"):
            act(ANNA, file_id)


def test_lookups_are_keyed_and_kept_apart_by_purpose(vault: Vault, tmp_path: Path) -> None:
    found = vault.lookup("case-number", "AB-12")
    assert found == vault.lookup("case-number", "AB-12")
    assert found != vault.lookup("csrf", "AB-12")
    assert found != vault.lookup("case-number", "AB-13")
    elsewhere = Vault.open(tmp_path / "other" / "vault", tmp_path / "other" / "files")
    assert found != elsewhere.lookup("case-number", "AB-12")
    assert "AB-12" not in found
    assert len(found) == 64


def test_secrets_of_the_installation_are_bound_to_their_context(vault: Vault) -> None:
    sealed = vault.seal_system("accounts.totp:1", b"secret")
    assert vault.unseal_system("accounts.totp:1", sealed) == b"secret"
    with pytest.raises(VaultDamagedError):
        vault.unseal_system("accounts.totp:2", sealed)


def test_an_organisation_keeps_its_signing_key(vault: Vault) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    public = vault.signing_key(one).public_key().public_bytes_raw()
    assert vault.signing_key(one).public_key().public_bytes_raw() == public
    assert vault.signing_key(other).public_key().public_bytes_raw() != public


def test_the_operators_own_master_key_is_taken_and_no_file_is_made(tmp_path: Path) -> None:
    key = SecretStr("ab" * 32)
    made = Vault.open(tmp_path / "vault", tmp_path / "files", key)
    made.create_person_key(ANNA)
    assert not (tmp_path / "vault" / "master.key").exists()
    again = Vault.open(tmp_path / "vault", tmp_path / "files", key)
    assert again.has_person_key(ANNA)
    with pytest.raises(VaultDamagedError):
        Vault.open(tmp_path / "vault", tmp_path / "files", SecretStr("cd" * 32)).has_person_key(
            ANNA
        )
