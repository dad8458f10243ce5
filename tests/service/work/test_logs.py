"""Logs as JSON lines hold no personal data, whatever is thrown into them."""

from __future__ import annotations

import io
import json
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.database import Database
from service.enrolment.models import Person
from service.sources.models import FrontierEntry, MediumSeen, Sighting
from service.work.logs import configure
from tests.fixtures.hostile_site import HostileSite, hostile_site
from tests.service.work.planted_site import plant, run_of
from tests.service.work.work_factory import make_person, make_worker


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, at the finest level; logging is as before afterwards."""
    names = (None, "dbos", "service", "indexer")
    before = [
        (logger, logger.handlers[:], logger.level, logger.propagate)
        for logger in map(logging.getLogger, names)
    ]
    stream = io.StringIO()
    configure("json", "DEBUG", stream)
    yield stream
    for logger, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def _lines(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_crawl_logs_nothing_of_people_addresses_or_media(
    written: io.StringIO, sqlite_database: Database, tmp_path: Path
) -> None:
    with hostile_site() as site:
        worker = make_worker(sqlite_database, tmp_path, exceptions=(f"127.0.0.1:{site.port}",))
        person_id = make_person(worker.sources)
        plant(site, person_id)
        worker.engine.launch()
        try:
            run_id = run_of(worker, site)
            worker.wait_for(run_id, "finished", "blind", "failed")
        finally:
            worker.engine.close()
        # what goes wrong is where such things are written
        logging.getLogger("service.test").info("run %s goes on", run_id)
    assert written.getvalue(), "the crawl was logged"
    for secret in _personal(worker.sources.database, person_id, site):
        assert secret not in written.getvalue()


def _personal(database: Database, person_id: uuid.UUID, site: HostileSite) -> set[str]:
    """All that the database knows of addresses, media and people, as text."""
    found = {str(person_id), person_id.hex, f"127.0.0.1:{site.port}", "Example forum"}
    with database.read() as session:
        for entry in session.query(FrontierEntry):
            found |= {entry.url, entry.url_key}
        for medium in session.query(MediumSeen):
            found |= {medium.content_sha256, medium.pdq or "", medium.phash or ""}
        for sighting in session.query(Sighting):
            found |= {sighting.media_url, sighting.page_url or ""}
        found |= {str(person.id) for person in session.query(Person)}
    return found - {""}


def test_the_text_of_an_error_is_left_out(written: io.StringIO) -> None:
    try:
        int("Anna at http://secret.example/anna.jpg")
    except ValueError:
        logging.getLogger("service.test").exception("it failed: %s", "with a code")
    (line,) = _lines(written)
    assert line["message"] == "it failed: with a code"
    assert line["error"] == "ValueError"
    assert "Anna" not in written.getvalue()


@pytest.mark.parametrize(
    "message",
    [
        "GET http://secret.example/anna.jpg failed",
        "no answer from cdn.secret.example",
        "mail to anna@secret.example",
        "row ('anna', 'secret')",
        'value "anna" is secret'.replace("secret", "'secret'"),
        "refused 198.51.100.7",
        "Traceback:\n  anna at secret.example",
        "key 49f000ec501fef24739071fc7e68267d",
        f"workflow {uuid.UUID(int=7)} ended",
    ],
)
def test_what_libraries_say_is_cleaned(written: io.StringIO, message: str) -> None:
    logging.getLogger("somebody.elses").warning(message)
    text = str(_lines(written)[0]["message"])
    for secret in ("anna", "secret", "198.51", "49f000", "00000007"):
        assert secret not in text


def test_ids_in_paths_of_our_own_lines_are_left_out(written: io.StringIO) -> None:
    case_id = uuid.uuid4()
    logging.getLogger("service.web").error("%s at %s", "not_found", f"/cases/{case_id}/photos")
    assert _lines(written)[0]["message"] == "not_found at /cases/[…]/photos"


def test_libraries_write_warnings_only(written: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine").info("a row")
    logging.getLogger("service.test").debug("a line of ours")
    assert [line["message"] for line in _lines(written)] == ["a line of ours"]
