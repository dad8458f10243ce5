"""Lists that an operator is entitled to: added, imported whole or not at all, found, removed."""

from __future__ import annotations

import hashlib
import io
import random
import secrets
import shutil
import uuid
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import func, select

from indexer.hashing import turned_hashes
from indexer.hashing.store import HashStore
from indexer.observations import Examination, FrameHash, MediaHashes
from service.accounts.actor import Actor, Role
from service.audit.models import AuditEntry
from service.database import Database
from service.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from service.hashbank.exchange.entries import EntryWriter, Gone
from service.hashbank.exchange.errors import (
    BrokenListError,
    ImportOvertakenError,
    NotEntitledError,
)
from service.hashbank.exchange.list_index import ListIndex
from service.hashbank.exchange.models import HashList, HashListEntry
from service.hashbank.exchange.views import Listed
from tests.service.enrolment.people_factory import House
from tests.service.hashbank.exchange_factory import (
    add_list,
    flipped,
    import_lines,
    list_draft,
    listed,
)


def some_pdq(count: int, seed: int = 1) -> list[str]:
    source = random.Random(seed)
    return [f"{source.getrandbits(256):064x}" for _ in range(count)]


def seen(
    pdq: str = "", quality: int = 100, sha256: str = "", frames: tuple[str, ...] = ()
) -> Examination:
    return Examination(
        MediaHashes(sha256 or secrets.token_hex(32), pdq or None, quality if pdq else None),
        "video" if frames else "still",
        64,
        64,
        1,
        0,
        pdq_orientations=(pdq,) if pdq else (),
        frame_hashes=tuple(FrameHash(0, each, 100) for each in frames),
    )


def similar(house: House, examination: Examination) -> Listed:
    return house.rooms.exchange.index.of_examination(house.organisation_id, examination)


def names(found: Listed) -> list[tuple[str, int]]:
    return [(match.list_name, match.distance) for match in found.matches]


def rows_of(database: Database, list_id: uuid.UUID) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).where(HashListEntry.list_id == list_id)) or 0


class TestAdding:
    def test_it_is_kept_who_gave_the_list_and_who_says_that_we_are_entitled(
        self, house: House, database: Database
    ) -> None:
        view = add_list(house, "match", "Partners")
        with database.read() as session:
            row = session.get(HashList, view.id)
            audit = session.scalars(
                select(AuditEntry).where(AuditEntry.action == "hash_list.add")
            ).one()
        assert row is not None
        assert (row.given_by, row.entitled_by) == ("A partner", "Olga O.")
        assert "entitle our organisation" in row.entitlement
        assert (audit.object_id, audit.detail) == (str(view.id), {"does": "match"})

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"agreed": False}, "tick the statement"),
            ({"signed_by": " "}, "type your name"),
            ({"terms": ""}, "on what agreement"),
            ({"given_by": ""}, "who it comes from"),
        ],
    )
    def test_without_terms_and_statement_there_is_no_list(
        self, house: House, changes: dict[str, object], words: str
    ) -> None:
        with pytest.raises(NotEntitledError, match=words):
            add_list(house, **changes)  # type: ignore[arg-type]

    def test_only_an_operator_adds_imports_and_removes(self, house: House) -> None:
        view = add_list(house)
        lists, database = house.rooms.exchange.lists, house.rooms.database
        for actor in (house.reviewers[0], Actor(Role.PERSON, house.organisation_id)):
            with pytest.raises(NotAllowedError), database.write() as session:
                lists.add(session, actor, list_draft("x"))
            with pytest.raises(NotAllowedError):
                import_lines(house, view.id, ["pdq " + "0" * 64], actor=actor)
            with pytest.raises(NotAllowedError):
                lists.remove(database, actor, view.id)

    def test_a_name_or_an_unknown_action_is_refused(self, house: House) -> None:
        add_list(house, name="Twice")
        with pytest.raises(ConflictError):
            add_list(house, name="Twice")
        with pytest.raises(InvalidInputError, match="match, never_show, stop"):
            add_list(house, "delete")


class TestImporting:
    def test_what_was_imported_is_found_within_31_bits_and_no_further(
        self, any_house: House
    ) -> None:
        house = any_house
        one, other = some_pdq(2)
        view = add_list(house, name="List")
        imported = import_lines(house, view.id, [f"pdq {one}", f"pdq {other}"])
        assert (imported.changed.added, imported.changed.entries) == (2, 2)
        bits = random.Random(3).sample(range(256), 32)
        for distance in (0, 15, 31):
            near = flipped(one, bits[:distance])
            assert names(similar(house, seen(near))) == [("List", distance)]
        assert not similar(house, seen(flipped(one, bits))).matches

    def test_a_flat_picture_is_on_no_list(self, house: House) -> None:
        (one,) = some_pdq(1)
        listed(house, "match", f"pdq {one}")
        assert similar(house, seen(one, quality=50)).matches
        assert not similar(house, seen(one, quality=49)).matches

    def test_a_turned_medium_and_a_frame_of_a_video_are_found(self, house: House) -> None:
        one, turned = some_pdq(2)
        listed(house, "match", f"pdq {one}")
        as_seen = msgspec.structs.replace(seen(turned), pdq_orientations=(turned, one))
        assert similar(house, as_seen).matches
        assert similar(house, seen(frames=(turned, one))).matches
        assert not similar(house, seen(frames=(turned,))).matches

    def test_files_are_found_by_sha256_and_by_md5_where_a_list_has_such(self, house: House) -> None:
        content = b"a clip"
        sha256 = hashlib.sha256(content).hexdigest()
        index = house.rooms.exchange.index
        assert not index.exact(house.organisation_id, content, sha256).matches
        listed(house, "match", f"video_md5 {hashlib.md5(content).hexdigest()}")
        listed(house, "never_show", f"sha256 {sha256}")
        found = index.exact(house.organisation_id, content, sha256)
        assert sorted(match.kind for match in found.matches) == ["md5", "sha256"]
        assert found.never_show
        assert not index.exact(house.organisation_id, b"another", "0" * 64).matches

    def test_the_same_file_twice_changes_nothing(self, any_house: House) -> None:
        house, lines = any_house, [f"pdq {each}" for each in some_pdq(50)]
        view = add_list(house)
        import_lines(house, view.id, [*lines, *lines])
        before = house.rooms.exchange.index.change()
        again = import_lines(house, view.id, lines)
        assert (again.changed.added, again.changed.removed, again.changed.entries) == (0, 0, 50)
        assert house.rooms.exchange.index.change() == before

    def test_a_broken_line_changes_nothing_at_all(
        self, any_house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("service.hashbank.exchange.entries.AT_ONCE", 10)
        house = any_house
        old, *new = some_pdq(60)
        view = add_list(house, name="List")
        import_lines(house, view.id, [f"pdq {old}"])
        lines = [f"pdq {each}" for each in new]
        with pytest.raises(BrokenListError, match="Line 41"):
            import_lines(house, view.id, [*lines[:40], "pdq broken", *lines[40:]], whole=True)
        assert rows_of(house.rooms.database, view.id) == 1
        assert names(similar(house, seen(old))) == [("List", 0)]
        assert not similar(house, seen(new[0])).matches

    def test_a_whole_list_takes_off_what_is_not_in_it(self, any_house: House) -> None:
        house = any_house
        gone, kept, new = some_pdq(3)
        view = add_list(house)
        import_lines(house, view.id, [f"pdq {gone}", f"pdq {kept}"])
        changed = import_lines(house, view.id, [f"pdq {kept}", f"pdq {new}"], whole=True).changed
        assert (changed.added, changed.removed, changed.entries) == (1, 1, 2)
        assert not similar(house, seen(gone)).matches
        assert similar(house, seen(kept)).matches
        assert similar(house, seen(new)).matches
        assert rows_of(house.rooms.database, view.id) == 2
        back = import_lines(house, view.id, [f"pdq {gone}"]).changed
        assert (back.added, back.entries) == (1, 3)
        assert similar(house, seen(gone)).matches

    def test_what_an_import_that_died_left_never_comes_into_force(self, any_house: House) -> None:
        house = any_house
        lost, new = some_pdq(2)
        view = add_list(house)
        rooms = house.rooms
        died = EntryWriter(
            rooms.database, house.clock, rooms.enrolment.gallery, view.id, whole=False
        )
        died.begin()
        died.put(_entries(lost))
        assert not similar(house, seen(lost)).matches
        import_lines(house, view.id, [f"pdq {new}"])
        assert not similar(house, seen(lost)).matches
        with pytest.raises(ImportOvertakenError):
            died.put(_entries(lost))
        with pytest.raises(ImportOvertakenError):
            died.finish()
        died.give_up()
        assert rows_of(rooms.database, view.id) == 1

    def test_what_a_fetch_that_was_killed_brought_is_found_after_the_next_one(
        self, any_house: House
    ) -> None:
        house = any_house
        one, other = some_pdq(2)
        view = add_list(house)
        rooms = house.rooms

        def writer() -> EntryWriter:
            made = EntryWriter(
                rooms.database, house.clock, rooms.enrolment.gallery, view.id, whole=False
            )
            made.begin()
            return made

        first = writer()
        first.follow([], [replace(each, source_key="1") for each in _entries(one)], "1")
        first.finish("1")
        assert similar(house, seen(one)).matches
        killed = writer()
        killed.follow([Gone("1")], [replace(each, source_key="2") for each in _entries(other)], "2")
        changed = writer().finish("2")
        assert (changed.removed, changed.entries) == (0, 1)
        assert similar(house, seen(other)).matches
        assert not similar(house, seen(one)).matches

    def test_media_are_looked_at_again_once_a_list_has_changed(self, house: House) -> None:
        rooms = house.rooms
        view = add_list(house)

        def change() -> int:
            with rooms.database.read() as session:
                return rooms.enrolment.gallery.gallery_change(session)

        before = change()
        import_lines(house, view.id, ["pdq " + "1" * 64])
        imported = change()
        assert imported > before
        import_lines(house, view.id, ["pdq " + "1" * 64])
        assert change() == imported
        with rooms.database.write() as session:
            rooms.exchange.lists.set_action(session, house.operator, view.id, "stop")
        assert change() > imported


def _entries(*pdq_hex: str) -> list[object]:
    from service.hashbank.exchange.entries import Entry

    return [Entry("pdq", bytes.fromhex(each)) for each in pdq_hex]  # type: ignore[list-item]


class TestTheIndex:
    def test_a_list_finds_for_its_own_organisation_alone(self, any_house: House) -> None:
        house = any_house
        elsewhere = house.new_organisation("Elsewhere")
        their_operator = house.new_staff(elsewhere, Role.OPERATOR)
        (one,) = some_pdq(1)
        view = listed(house, "match", f"pdq {one}")
        index, lists = house.rooms.exchange.index, house.rooms.exchange.lists
        assert similar(house, seen(one)).matches
        assert not index.of_examination(elsewhere, seen(one)).matches
        with house.rooms.database.read() as session:
            assert lists.lists(session, their_operator) == ()
            with pytest.raises(NotFoundError):
                lists.list(session, their_operator, view.id)
        with pytest.raises(NotFoundError):
            import_lines(house, view.id, [f"pdq {one}"], actor=their_operator)
        with pytest.raises(NotFoundError):
            lists.remove(house.rooms.database, their_operator, view.id)

    def test_a_removed_list_is_out_of_force_at_once_and_leaves_no_hash(
        self, any_house: House
    ) -> None:
        house, (one, two) = any_house, some_pdq(2)
        view = add_list(house, name="Gone")
        import_lines(house, view.id, [f"pdq {one}"])
        other = listed(house, "match", f"pdq {two}")
        house.rooms.exchange.lists.remove(house.rooms.database, house.operator, view.id)
        assert not similar(house, seen(one)).matches
        assert similar(house, seen(two)).matches
        assert rows_of(house.rooms.database, view.id) == 0
        with house.rooms.database.read() as session:
            left = house.rooms.exchange.lists.lists(session, house.operator)
            assert [each.id for each in left] == [other.id]
            assert session.get(HashList, view.id) is None
        assert add_list(house, name="Gone").id != view.id

    def test_another_process_finds_what_this_one_imported(self, house: House) -> None:
        rooms = house.rooms
        other = ListIndex(rooms.database, rooms.settings.hash_lists_index_dir)
        (one, two) = some_pdq(2)
        listed(house, "match", f"pdq {one}")
        assert other.of_examination(house.organisation_id, seen(one)).matches
        listed(house, "match", f"pdq {two}")
        assert other.of_examination(house.organisation_id, seen(two)).matches

    def test_an_index_that_does_not_fit_its_table_is_made_anew(
        self, house: House, sqlite_template: object, tmp_path: object
    ) -> None:
        rooms = house.rooms
        one, two, three = some_pdq(3)
        view = listed(house, "match", *[f"pdq {each}" for each in (one, two)])
        with rooms.database.write() as session:
            # as after a database that was put back to an older state
            for row in session.scalars(select(HashListEntry)):
                session.delete(row)
            session.flush()
            session.add(
                HashListEntry(
                    id=1,
                    list_id=view.id,
                    kind="pdq",
                    value=bytes.fromhex(three),
                    added_in=1,
                    seen_in=1,
                )
            )
        fresh = ListIndex(rooms.database, rooms.settings.hash_lists_index_dir)
        assert fresh.follow() == 1
        assert fresh.of_examination(house.organisation_id, seen(three)).matches
        assert not fresh.of_examination(house.organisation_id, seen(one)).matches

    def test_it_finds_just_what_comparing_one_by_one_finds(self, house: House) -> None:
        entries = some_pdq(300, seed=7)
        source = random.Random(8)
        asked = [
            flipped(source.choice(entries), source.sample(range(256), source.randint(0, 40)))
            for _ in range(60)
        ]
        listed(house, "match", *[f"pdq {each}" for each in entries])
        for one in asked:
            least = min((int(one, 16) ^ int(each, 16)).bit_count() for each in entries)
            found = similar(house, seen(one)).matches
            assert [match.distance for match in found] == ([least] if least <= 31 else [])

    def test_of_many_lists_each_is_named_once_with_its_closest_entry(self, house: House) -> None:
        (one,) = some_pdq(1)
        for action in ("match", "stop"):
            listed(house, action, f"pdq {flipped(one, [1])}", f"pdq {flipped(one, [1, 2])}")
        found = similar(house, seen(one))
        assert [(match.action, match.distance) for match in found.matches] == [
            ("match", 1),
            ("stop", 1),
        ]
        assert found.stop


def test_an_import_of_bytes_that_are_no_list_is_refused_on_the_service(house: House) -> None:
    view = add_list(house)
    with pytest.raises(BrokenListError):
        house.rooms.exchange.lists.import_file(
            house.rooms.database, house.operator, view.id, io.BytesIO(b"\x89PNG\r\n\x1a\n\x00")
        )


def test_views_tell_no_hash(house: House) -> None:
    view = listed(house, "match", "pdq " + "ab" * 32)
    with house.rooms.database.read() as session:
        shown = house.rooms.exchange.lists.list(session, house.operator, view.id)
    assert "ab" * 32 not in repr(shown)
    assert replace(shown, name="x").entries == 1


def test_a_hash_alone_and_a_frame_are_compared_however_they_are_turned(house: House) -> None:
    (pdq,) = some_pdq(1)
    listed(house, "stop", f"pdq {pdq}")
    mirrored = turned_hashes(pdq)[5]
    kept_of_it = msgspec.structs.replace(seen(mirrored), pdq_orientations=())
    for examination in (kept_of_it, seen(frames=(mirrored,))):
        assert similar(house, examination).stop


@pytest.mark.parametrize("how", ["deleted", "begun anew by another process", "cut short"])
def test_a_stop_list_stops_also_while_its_index_is_gone(house: House, how: str) -> None:
    (pdq,) = some_pdq(1)
    listed(house, "stop", f"pdq {pdq}")
    assert similar(house, seen(pdq)).stop
    manifest = house.rooms.settings.hash_lists_index_dir / "manifest.json"
    if how == "deleted":
        shutil.rmtree(manifest.parent)
    elif how == "cut short":
        for log in manifest.parent.glob("log-*"):
            log.write_bytes(b"")
        manifest.write_bytes(manifest.read_bytes() + b" ")
    else:
        HashStore(manifest.parent).clear()
    assert similar(house, seen(pdq)).stop
