"""From what an operator bears in a day to what one face may cause."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from indexer.examiner.protocol import GalleryLoaded, LoadGallery
from indexer.watchlist.judging import CHANCE_MATCHES_PER_FACE
from service.candidates.bearable import FACES_A_DAY_AT_FIRST, BearableChance, reckoned_with
from service.candidates.operating_point import operating_point
from service.database import Database
from service.sources.models import Run
from tests.service.enrolment.people_factory import House
from tests.service.web.test_nobody_reaches_others import site_of_a_test


def counts(house: House, faces: int) -> None:
    """A run that took the last hour, and counted so many faces."""
    now = house.clock.now()
    with house.rooms.database.write() as session:
        run = session.query(Run).first()
        if run is None:
            site = house.rooms.sources.add_site(session, house.operator, site_of_a_test())
            run = Run(
                id=uuid.uuid4(),
                organisation_id=house.organisation_id,
                site_id=site.id,
                state="finished",
                created_at=now,
            )
            session.add(run)
        run.started_at, run.finished_at = now - timedelta(hours=1), now
        run.faces_counted = faces


def reckoned(house: House, bearable: BearableChance) -> int:
    with house.rooms.database.read() as session:
        return bearable.faces_a_day(session)


def test_a_new_installation_begins_with_a_guess(house: House) -> None:
    bearable = BearableChance(house.clock, chance_matches_a_day=2.0)
    with house.rooms.database.read() as session:
        assert bearable.chance_matches_per_face(session) == 2.0 / FACES_A_DAY_AT_FIRST


@pytest.mark.parametrize(
    ("faces", "power"), [(1, 1024), (1025, 2048), (2048, 2048), (50_000, 65_536)]
)
def test_the_busiest_day_is_taken_up_to_a_power_of_two(faces: int, power: int) -> None:
    assert reckoned_with(faces) == power


def test_more_faces_are_followed_soon_and_fewer_only_when_they_are_far_fewer(house: House) -> None:
    bearable = BearableChance(house.clock, chance_matches_a_day=1.0)
    counts(house, 10_000)
    assert reckoned(house, bearable) == 16_384
    counts(house, 17_000)
    assert reckoned(house, bearable) == 16_384
    house.clock.advance(minutes=1)
    assert reckoned(house, bearable) == 32_768
    for faces, followed in ((9_000, 32_768), (8_000, 8_192), (5_000, 8_192)):
        house.clock.advance(minutes=2)
        counts(house, faces)
        assert reckoned(house, bearable) == followed, faces


def test_where_the_search_stands_is_what_the_examiner_said_last(
    house: House, database: Database
) -> None:
    bearable = BearableChance(house.clock, chance_matches_a_day=1.0)
    bearable.loaded(database, GalleryLoaded(3, 200, 0, 0.47, 4e-3))
    bearable.loaded(database, GalleryLoaded(4, 400, 0, 0.49, 8e-3))
    with database.read() as session:
        point = operating_point(session)
    assert point is not None
    assert (point.templates, point.threshold, point.faces_a_day) == (400, 0.49, 8192)
    assert point.expected_a_day == pytest.approx(65.5, rel=1e-2)
    assert not point.keeps_to_it


def test_messages_without_a_figure_mean_the_watch_lists_own() -> None:
    message = LoadGallery(1, None, (), ())
    assert message.chance_matches_per_face == CHANCE_MATCHES_PER_FACE
