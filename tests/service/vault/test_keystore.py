"""The key store: wrapped, re-keyed when a key is destroyed, whole after a crash, shared."""

from __future__ import annotations

import multiprocessing
import os
import resource
import secrets
import shutil
import signal
import threading
from pathlib import Path

import pytest

from service.vault.errors import UnsafeKeyFileError, VaultDamagedError
from service.vault.keystore import (
    KeyStore,
    load_or_create_master_key,
    parse_master_key,
)

MASTER_KEY = bytes(range(32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def store(folder: Path) -> KeyStore:
    return KeyStore(folder, MASTER_KEY)


def test_a_key_is_made_once_and_is_the_same_for_every_process(
    store: KeyStore, folder: Path
) -> None:
    key = store.get_or_create("person:1")
    assert len(key) == 32
    assert store.get_or_create("person:1") == key
    assert KeyStore(folder, MASTER_KEY).get("person:1") == key
    assert store.get("person:2") is None


def test_no_key_lies_in_the_clear_in_any_file(store: KeyStore, folder: Path) -> None:
    keys = [store.get_or_create(f"person:{number}") for number in range(5)]
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert content
    assert not any(key in content for key in keys)


def test_another_master_key_opens_nothing(store: KeyStore, folder: Path) -> None:
    store.get_or_create("person:1")
    with pytest.raises(VaultDamagedError, match="master key"):
        KeyStore(folder, bytes(32)).get("person:1")


def test_a_destroyed_key_is_gone_and_the_others_stay(store: KeyStore, folder: Path) -> None:
    kept = store.get_or_create("person:1")
    store.get_or_create("person:2")
    assert store.destroy("person:2") is True
    assert store.destroy("person:2") is False
    assert store.get("person:2") is None
    assert KeyStore(folder, MASTER_KEY).get("person:1") == kept
    assert store.names() == ("person:1",)


def test_a_copy_of_the_store_from_before_opens_for_nobody_after_a_key_was_destroyed(
    store: KeyStore, folder: Path
) -> None:
    store.get_or_create("person:1")
    store.get_or_create("person:2")
    backup = (folder / "keys.msgpack").read_bytes()
    store.destroy("person:2")
    after = (folder / "keys.msgpack").read_bytes()

    # everything that exists now, the master key and the old copy: still not enough
    (folder / "keys.msgpack").write_bytes(backup)
    with pytest.raises(VaultDamagedError, match="re-keyed"):
        KeyStore(folder, MASTER_KEY).get("person:2")

    (folder / "keys.msgpack").write_bytes(after)
    assert KeyStore(folder, MASTER_KEY).get("person:1") is not None


def test_entries_of_an_old_copy_do_not_open_with_the_new_store_key(
    store: KeyStore, folder: Path
) -> None:
    from msgspec import msgpack

    store.get_or_create("person:1")
    store.get_or_create("person:2")
    old = msgpack.decode((folder / "keys.msgpack").read_bytes())
    store.destroy("person:2")
    new = msgpack.decode((folder / "keys.msgpack").read_bytes())
    new["entries"]["person:2"] = old["entries"]["person:2"]
    (folder / "keys.msgpack").write_bytes(msgpack.encode(new))
    forged = KeyStore(folder, MASTER_KEY)
    assert forged.get("person:1") is not None
    with pytest.raises(VaultDamagedError):
        forged.get("person:2")


def test_the_old_store_key_and_the_old_file_are_overwritten_on_the_disk(
    store: KeyStore, folder: Path, tmp_path: Path
) -> None:
    store.get_or_create("person:1")
    (old_key_file,) = folder.glob("store-*.key")
    # hard links show what becomes of the blocks after the names are gone
    os.link(old_key_file, tmp_path / "old.key")
    os.link(folder / "keys.msgpack", tmp_path / "old.msgpack")
    store.destroy("person:1")
    assert set((tmp_path / "old.key").read_bytes()) == {0}
    assert set((tmp_path / "old.msgpack").read_bytes()) == {0}
    assert not old_key_file.exists()
    assert len(list(folder.glob("store-*.key"))) == 1


def test_what_a_crash_left_behind_is_removed_at_the_next_change(
    store: KeyStore, folder: Path
) -> None:
    store.get_or_create("person:1")
    (folder / "store-0123456789abcdef.key").write_bytes(b"a store key that should be gone")
    (folder / "keys.0123abcd.new").write_bytes(b"entries that were never swapped in")
    store.get_or_create("person:2")
    assert sorted(path.name.split("-")[0] for path in folder.iterdir()) == [
        "keys.lock",
        "keys.msgpack",
        "store",
    ]


def test_two_changes_within_one_tick_of_the_clock_are_both_seen(
    store: KeyStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = KeyStore(folder, MASTER_KEY)
    store.get_or_create("person:1")
    stamp = (folder / "keys.msgpack").stat().st_mtime_ns
    for number in range(2, 30):
        store.get_or_create(f"person:{number}")
        store.destroy(f"person:{number - 1}")
        assert reader.get(f"person:{number - 1}") is None
        assert reader.get(f"person:{number}") is not None
        newer = (folder / "keys.msgpack").stat().st_mtime_ns
        assert newer > stamp
        stamp = newer


@pytest.mark.parametrize("name", ["keys.msgpack", "store-*.key"])
def test_a_missing_part_is_said_and_not_made_anew(store: KeyStore, folder: Path, name: str) -> None:
    store.get_or_create("person:1")
    next(folder.glob(name)).unlink()
    opened = store if name == "keys.msgpack" else KeyStore(folder, MASTER_KEY)
    with pytest.raises(VaultDamagedError):
        opened.get("person:1")
    with pytest.raises(VaultDamagedError):
        opened.get_or_create("person:2")


def test_every_flipped_byte_of_the_store_is_noticed(store: KeyStore, folder: Path) -> None:
    store.get_or_create("person:1")
    content = (folder / "keys.msgpack").read_bytes()
    key = store.get("person:1")
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 0x01
        (folder / "keys.msgpack").write_bytes(altered)
        try:
            found = KeyStore(folder, MASTER_KEY).get("person:1")
        except VaultDamagedError:
            continue
        assert found is None, f"byte {place} was altered and the key still opened"
        assert found != key


def test_a_full_disk_leaves_the_old_store_intact(
    store: KeyStore, folder: Path, tmp_path: Path
) -> None:
    keys = {f"person:{number}": store.get_or_create(f"person:{number}") for number in range(40)}
    context = multiprocessing.get_context("spawn")
    for act in ("create", "destroy"):
        answers = context.Queue()
        child = context.Process(target=_change_with_little_room, args=(folder, act, answers))
        child.start()
        said = answers.get(timeout=60)
        child.join(timeout=60)
        assert said == "OSError"
        assert {name: KeyStore(folder, MASTER_KEY).get(name) for name in keys} == keys
    assert not list(folder.glob("*.new"))
    store.get_or_create("person:new")
    assert len(list(folder.glob("store-*.key"))) == 1


def _change_with_little_room(folder: Path, act: str, answers: object) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
    store = KeyStore(folder, MASTER_KEY)
    try:
        store.get_or_create("person:new") if act == "create" else store.destroy("person:3")
    except OSError as error:
        answers.put(type(error).__name__)  # type: ignore[attr-defined]
    else:
        answers.put("nothing was refused")  # type: ignore[attr-defined]


def test_two_processes_lose_none_of_each_others_keys(store: KeyStore, folder: Path) -> None:
    store.get_or_create("person:before")
    context = multiprocessing.get_context("spawn")
    children = [
        context.Process(target=_create_and_destroy, args=(folder, name)) for name in ("a", "b")
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=120)
        assert child.exitcode == 0
    expected = {f"person:{name}:{number}" for name in ("a", "b") for number in range(0, 30, 2)}
    assert set(store.names()) == expected | {"person:before"}
    assert all(store.get(name) is not None for name in expected)


def _create_and_destroy(folder: Path, name: str) -> None:
    store = KeyStore(folder, MASTER_KEY)
    for number in range(30):
        made = store.get_or_create(f"person:{name}:{number}")
        if store.get(f"person:{name}:{number}") != made:
            raise SystemExit(1)
        if number % 2:
            store.destroy(f"person:{name}:{number}")


def test_threads_never_see_half_of_a_change(store: KeyStore) -> None:
    kept = store.get_or_create("person:kept")
    done = threading.Event()
    problems: list[object] = []

    def look() -> None:
        while not done.is_set():
            try:
                if store.get("person:kept") != kept:
                    problems.append("another key")
            except VaultDamagedError as error:
                problems.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(25):
        store.get_or_create(f"person:{number}")
        store.destroy(f"person:{number}")
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_the_master_key_is_made_once_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "vault" / "master.key"
    key = load_or_create_master_key(path)
    assert load_or_create_master_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert parse_master_key(path.read_text()) == key
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    load_or_create_master_key(path)
    path.chmod(mode)
    with pytest.raises(UnsafeKeyFileError, match="chmod 600"):
        load_or_create_master_key(path)


def test_first_starts_at_once_agree_on_one_master_key(tmp_path: Path) -> None:
    path = tmp_path / "vault" / "master.key"
    found: list[bytes] = []
    start = threading.Barrier(4)

    def begin() -> None:
        start.wait()
        found.append(load_or_create_master_key(path))

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.parametrize("text", ["", "abc", "00" * 31, "00" * 33, "zz" * 32])
def test_a_master_key_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(VaultDamagedError, match="64 hexadecimal"):
        parse_master_key(text)


def test_a_copied_vault_opens_elsewhere_with_its_master_key(
    store: KeyStore, folder: Path, tmp_path: Path
) -> None:
    key = store.get_or_create("person:1")
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert KeyStore(tmp_path / "elsewhere", MASTER_KEY).get("person:1") == key
    assert KeyStore(tmp_path / "empty", secrets.token_bytes(32)).get("person:1") is None
