"""kill -9 while a model is built: the old one searches on, nothing is lost, nothing made twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from indexer.examiner.protocol import Enrolled
from indexer.faces import DEFAULT_PACK
from service.accounts.actor import Actor
from service.audit.models import AuditEntry
from service.enrolment.model_views import ChangeView
from service.enrolment.models import StoredTemplate
from service.work.installed_models import InstalledModels
from tests.fixtures import photographs
from tests.fixtures.clock import SettableClock
from tests.fixtures.houses import cheap_secrets
from tests.service.enrolment.model_factory import name_model
from tests.service.enrolment.people_factory import (
    CROP,
    QUALITY,
    House,
    MadeUpEyes,
    hashes_of,
    make_house,
    make_person,
    vector_of,
)
from tests.service.work.packs_factory import SECOND, models_with_two_packs

__all__ = ["cheap_secrets"]

pytestmark = pytest.mark.slow

PHOTOS = 9
SYSTEM = Actor.system("test")


class AcceptsAll(MadeUpEyes):
    """Takes every picture as one of the same face; what looks later is real."""

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        vector, hashes = vector_of(b"ada"), hashes_of(content)
        return Enrolled(1, vector, QUALITY, hashes, self.model, face_crop_png=CROP)


@pytest.fixture
def house(
    database_url: str, tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    for name, value in {
        "LIKENESS_MODELS_DIR": str(models_with_two_packs(tmp_path)),
        "LIKENESS_DATA_DIR": str(tmp_path / "data"),
        "LIKENESS_DATABASE_URL": database_url,
        "LIKENESS_MODEL_BUILD_PHOTOS_PER_S": "3",
        "OMP_NUM_THREADS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    made = make_house(database_url, tmp_path, clock)
    made.rooms.examiner.model = InstalledModels(  # type: ignore[misc]  # made-up eyes
        made.rooms.settings.models_dir
    ).stamp(DEFAULT_PACK)
    name_model(made, made.eyes.model)  # type: ignore[arg-type]
    yield made
    made.rooms.close()


def start_worker() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.model_worker"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "launched\n"
    return process


def change_of(house: House) -> ChangeView:
    with house.rooms.database.read() as session:
        change = house.rooms.models.standing(session, SYSTEM).change
    assert change is not None
    return change


def wait_until(house: House, made: int, state: str = "", timeout_s: float = 120.0) -> ChangeView:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        change = change_of(house)
        if change.counts.made >= made and state in ("", change.state):
            return change
        time.sleep(0.1)
    raise AssertionError(f"still {change_of(house)}")


def test_a_killed_build_goes_on_where_it_was(house: House) -> None:
    astronaut = photographs.astronaut()
    photos = [photographs.jpeg(astronaut, 60 + 4 * number) for number in range(PHOTOS)]
    make_person(_accepting(house), photos=photos)
    stamp = InstalledModels(house.rooms.settings.models_dir).stamp(SECOND)
    with house.rooms.database.write() as session:
        house.rooms.models.start(session, house.operator, stamp)
    for goal in (2, 5):
        process = start_worker()
        wait_until(house, goal)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        assert change_of(house).state == "building"
        with house.rooms.database.read() as session:
            used = house.rooms.models.in_use(session)
        assert used is not None
        assert used.stamp.pack == DEFAULT_PACK
        _, alive = psutil.wait_procs(children, timeout=20)
        assert not alive, "an examiner has outlived its worker"
    process = start_worker()
    done = wait_until(house, PHOTOS, "switched")
    assert (done.counts.made, done.counts.refused) == (PHOTOS, 0)
    process.terminate()
    assert process.wait(60) == 0
    with house.rooms.database.read() as session:
        rows = session.execute(select(StoredTemplate.photo_id, StoredTemplate.model_pack)).all()
        made = session.scalars(
            select(AuditEntry.object_id).where(AuditEntry.action == "template.make")
        ).all()
    assert Counter(pack for _, pack in rows) == {DEFAULT_PACK: PHOTOS, SECOND: PHOTOS}
    assert len(set(rows)) == 2 * PHOTOS
    assert len(made) == len(set(made)) == PHOTOS


def _accepting(house: House) -> House:
    """The same house with eyes that take every picture."""
    return House(
        house.rooms,
        AcceptsAll(model=house.eyes.model),
        house.clock,
        house.organisation_id,
        house.reviewers,
        house.untrained,
        house.operator,
    )
