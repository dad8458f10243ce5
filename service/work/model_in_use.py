"""Which model the database of an installation names, read without opening rooms or keys.

For commands and the doctor, which must also work where nothing was set up yet: then it is the pack
of the settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from indexer.observations import ModelStamp
from service.accounts.repository import any_with_face_matching
from service.clock import SystemClock
from service.database import Database
from service.database_migration import current_revision, newest_revision
from service.enrolment.model_repository import ModelRepository
from service.enrolment.model_rows import counts_of, view_of
from service.enrolment.model_views import ChangeView
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class NamedModel:
    """The model that the database names, the open change of it, and whether faces are wanted."""

    stamp: ModelStamp
    licence_accepted: bool
    change: ChangeView | None
    faces_wanted: bool


def has_database(settings: Settings) -> bool:
    """Whether this installation was started before: a command alone leaves an empty database."""
    if not settings.database_url and not (settings.data_dir / "likeness.sqlite").is_file():
        return False
    database = Database.open(settings.effective_database_url)
    try:
        return current_revision(database.engine) is not None
    except SQLAlchemyError:
        # there is something, and whoever opens it next says what is wrong with it
        return True
    finally:
        database.close()


def named_model(settings: Settings) -> NamedModel | None:
    """What the database says; None where there is none, an older one, or nothing is named yet."""
    if not has_database(settings):
        return None
    database = Database.open(settings.effective_database_url)
    try:
        if current_revision(database.engine) != newest_revision():
            return None
        with database.read() as session:
            wanted = any_with_face_matching(session)
            repository = ModelRepository(session, SystemClock().now(), wanted)
            row, opened = repository.any_in_use(), repository.any_open_change()
            if row is None:
                return None
            change = view_of(opened, counts_of(repository, opened)) if opened else None
            stamp = ModelStamp(row.pack, row.digest, row.preprocessing)
            return NamedModel(stamp, row.licence_accepted, change, bool(wanted))
    except SQLAlchemyError:
        return None
    finally:
        database.close()


def with_named_model(settings: Settings, named: NamedModel | None) -> Settings:
    """The settings with the pack that searches, and its licence where it was accepted there."""
    if named is None:
        return settings
    accepted = settings.accepted_licences
    if named.licence_accepted and named.stamp.pack not in accepted:
        accepted = (*accepted, named.stamp.pack)
    return settings.model_copy(update={"pack": named.stamp.pack, "accepted_licences": accepted})
