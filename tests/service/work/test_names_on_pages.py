"""Names that people chose are found on pages by the real worker and crawl child, over loopback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from indexer.crawl.messages import PageSeen, PageWords
from service.database import Database
from service.sources.models import KnownAddress
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.hostile_site import hostile_site, page
from tests.service.enrolment.conftest import cheap_secrets
from tests.service.enrolment.people_factory import attest
from tests.service.work.names_world import NamesWorld, make_names_world, unchanging

__all__ = ["cheap_secrets"]

SECRET = "Quirinia Zwetschgenbaum"
AROUND = "wonderfully-unusual-surrounding-words"


@pytest.fixture
def world(sqlite_template: SqliteTemplate, tmp_path: Path) -> Iterator[NamesWorld]:
    """On SQLite, where the kind of database cannot matter."""
    with _world(sqlite_template.new_migrated_url(tmp_path), tmp_path) as made:
        yield made


@pytest.fixture
def any_world(database_url: str, database: Database, tmp_path: Path) -> Iterator[NamesWorld]:
    """On each kind of database."""
    with _world(database_url, tmp_path) as made:
        yield made


@contextmanager
def _world(database_url: str, folder: Path) -> Iterator[NamesWorld]:
    with hostile_site() as site:
        made = make_names_world(database_url, folder, site)
        try:
            yield made
        finally:
            made.engine.close()
            made.rooms.close()


def test_names_are_found_in_titles_texts_and_addresses_in_any_script(world: NamesWorld) -> None:
    person = world.person("Anna Schmidtová", "@anna_s99", "Анна Шмидтова", "李小娜娜")
    other = world.person("Somebody Else")
    site = world.site
    links = ("/t", "/x", "/c", "/u/anna_s99", "/z", "/n", "/k", "/%D0%90%D0%BD%D0%BD%D0%B0-y")
    site.put("/", page("".join(f'<a href="{link}">x</a>' for link in links)))
    site.put("/t", page("<title>Photos of ANNA SCHMIDTOVA</title>nothing else"))
    site.put("/x", page("<p>Schmidtová, <b>An</b>na was here</p>"))
    site.put("/c", page("<p>кто знает, где Анна Шмидтова?</p>"))
    site.put("/u/anna_s99", page("<p>a member</p>"))
    site.put("/z", page("<p>大家都认识李小娜娜吧</p>"))
    site.put("/n", page("<p>Hanna Schmidtovas friends</p>"))
    site.put("/k", page('<p>x</p><img src="/files/anna-schmidtova-01.png">'))
    run = world.run()
    assert world.found(person) == {
        "t": ("“Anna Schmidtová”, in its title",),
        "x": ("“Anna Schmidtová”, in its text",),
        "c": ("“Анна Шмидтова”, in its text",),
        "u/anna_s99": ("“@anna_s99”, in its address",),
        "z": ("“李小娜娜”, in its text",),
        "k": ("“Anna Schmidtová”, in the address of a picture or video on it",),
    }
    assert world.found(other) == {}
    assert run.candidates_found == 6
    assert {row.kind for row in world.rows(person)} == {"name"}


def test_a_new_name_is_found_on_pages_that_have_not_changed_and_a_removed_one_nowhere(
    any_world: NamesWorld,
) -> None:
    world = any_world
    person = world.person("Nobody Atall")
    world.site.put("/", unchanging('<a href="/a">a</a><a href="/b">b</a>'))
    world.site.put("/a", unchanging("<p>Ada Lovelace</p>"))
    world.site.put("/b", unchanging("<p>Countess Ada</p>"))
    assert world.run().pages_unchanged == 0
    assert world.run().pages_unchanged == 3
    name_id = world.choose(person, "Ada Lovelace")
    assert world.run().pages_unchanged == 0
    assert set(world.found(person)) == {"a"}
    world.remove(person, name_id)
    world.site.put("/c", unchanging("<p>Ada Lovelace, and many more words</p>"))
    world.site.put("/", unchanging('<a href="/a">a</a><a href="/b">b</a><a href="/c">c</a>'))
    world.run()
    assert set(world.found(person)) == {"a"}
    assert world.found(person)["a"] == (
        "a name that the person has removed meanwhile, in its text",
    )


def test_a_run_for_one_person_finds_their_names_alone_and_leaves_the_page_to_the_next_run(
    world: NamesWorld,
) -> None:
    ada, eve = world.person("Ada Lovelace"), world.person("Eve Adamczyk")
    world.site.put("/", unchanging("<p>Ada Lovelace and Eve Adamczyk</p>"))
    watch = world.rooms.names
    look = watch.look_for(world.house.organisation_id, str(ada.person_id))
    page_seen = PageSeen("1", "http://f.test/", "http://f.test/", 200, "", (), 0, 1, "")
    on_page = look.find(
        msgspec.structs.replace(page_seen, words=PageWords("", "Ada Lovelace, Eve Adamczyk"))
    )
    assert on_page is not None
    assert [name.person_id for name in on_page.names] == [ada.person_id]
    whole = watch.look_for(world.house.organisation_id, None)
    assert look.was_looked_for(0) != whole.looked_for == whole.was_looked_for(0)
    assert whole.was_looked_for(1) != whole.looked_for
    world.run()
    assert [len(world.rows(person)) for person in (ada, eve)] == [1, 1]


def test_names_are_found_on_pages_that_lost_what_they_are_known_to_show(world: NamesWorld) -> None:
    person = world.person("Ada Lovelace")
    world.site.put("/", page("<p>Ada Lovelace, and no picture</p>"))
    with world.rooms.database.write() as session:
        draft = replace(world.forum.draft, canaries=(f"3 {world.site.at('/')}",))
        world.rooms.sources.update_site(session, world.house.operator, world.forum.id, draft)
    world.run(ends="blind")
    assert len(world.rows(person)) == 1


def test_only_verified_people_are_looked_for_and_later_on_the_same_pages(
    world: NamesWorld,
) -> None:
    person = world.person("Ada Lovelace", active=False)
    world.site.put("/", unchanging("<p>Ada Lovelace</p>"))
    world.run()
    assert world.rows(person) == []
    assert person.person_id is not None
    attest(world.house, world.house.reviewers[0], person.person_id)
    world.run()
    assert len(world.rows(person)) == 1


def test_after_erasing_nothing_is_looked_for_or_left_and_the_receipt_counts_names(
    world: NamesWorld,
) -> None:
    person = world.person("Ada Lovelace", "countess.ada")
    world.site.put("/", page("<p>Ada Lovelace</p>"))
    world.run()
    assert person.person_id is not None
    done = world.rooms.erasure.erase(world.rooms.database, person, None, person.person_id)
    counted = {count.what: count.count for count in done.counts}
    assert counted["names to look for"] == 2
    assert counted["candidates"] == 1
    world.run()
    assert world.rows(person) == []


def test_nothing_that_a_page_says_and_no_chosen_name_is_written_anywhere(
    any_world: NamesWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world = any_world
    caplog.set_level(logging.DEBUG)
    person = world.person(SECRET, "@quirinia_secret_handle")
    world.site.put("/", page(f"<title>{AROUND}</title><p>{AROUND} {SECRET} {AROUND}</p>"))
    world.run()
    assert len(world.rows(person)) == 1
    needles = [
        secret.encode(encoding)
        for secret in (SECRET, SECRET.casefold(), "quirinia_secret_handle", AROUND)
        for encoding in ("utf-8", "utf-16-le")
    ]
    for path in world.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(needle in content for needle in needles), path.name
    with world.rooms.database.read() as session:
        known = session.scalars(select(KnownAddress)).all()
        written = [str(vars(row)) for row in known]
        if world.rooms.database.engine.dialect.name == "postgresql":
            written += _all_of(session)
    for line in (*written, caplog.text):
        assert not any(needle.decode("latin-1") in line for needle in needles[::2])


def _all_of(session: Session) -> list[str]:
    """Every row of every table, in words."""
    names = inspect(session.connection()).get_table_names()
    return [str(session.execute(text(f'SELECT * FROM "{name}"')).all()) for name in names]
