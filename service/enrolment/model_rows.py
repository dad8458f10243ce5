"""Reading rows of model changes: their counts, and the views that others are given."""

from __future__ import annotations

import uuid

from indexer.observations import ModelStamp
from service.enrolment.model_repository import ModelRepository
from service.enrolment.model_views import NOTHING_COUNTED, Beside, BuildCounts, ChangeView
from service.enrolment.models import ModelChange


def before_of(row: ModelChange) -> ModelStamp | None:
    """The model that searched before; None when none did."""
    if row.from_pack is None or row.from_digest is None or row.from_preprocessing is None:
        return None
    return ModelStamp(row.from_pack, row.from_digest, row.from_preprocessing)


def note(row: ModelChange, counts: BuildCounts) -> None:
    """Keep the counts of the whole installation with the change."""
    row.photos, row.made, row.refused = counts.photos, counts.made, counts.refused
    row.people_without = counts.people_without


def counts_of(
    repository: ModelRepository, row: ModelChange, organisation_id: uuid.UUID | None = None
) -> BuildCounts:
    """How far the new model is, in one organisation or in all."""
    photos, made, refused = repository.any_counts(row.to_digest, organisation_id)
    without = repository.any_people_without(row.to_digest, organisation_id)
    lost = 0
    if row.from_digest is not None and without:
        lost = repository.any_people_without(
            row.to_digest, organisation_id, with_templates_of=row.from_digest
        )
    return BuildCounts(photos, made, refused, without, lost)


def view_of(
    row: ModelChange, counts: BuildCounts, *, waits_for_operator: bool = False
) -> ChangeView:
    """What others are given of a change."""
    return ChangeView(
        id=row.id,
        state=row.state,  # type: ignore[arg-type]  # the column holds these words only
        reason=row.reason,  # type: ignore[arg-type]  # likewise
        asks_before_switch=row.asks_before_switch,
        before=before_of(row),
        after=ModelStamp(row.to_pack, row.to_digest, row.to_preprocessing),
        counts=counts,
        problem=row.problem,
        started_by=row.started_by,
        started_at=row.started_at,
        ready_at=row.ready_at,
        switched_at=row.switched_at,
        ended_at=row.ended_at,
        waits_for_operator=waits_for_operator,
    )


def beside_of(row: ModelChange) -> Beside | None:
    """The model that templates are to be made of, beside the one that searches: the new one, and
    after the switch the old one, as long as this program may go back to it.
    """
    view = view_of(row, NOTHING_COUNTED)
    if view.state != "switched":
        return Beside(
            row.id,
            view.after,
            row.to_licence_accepted,
            is_needed=True,
            searching_meanwhile=not view.stops_searching,
            problem=row.problem,
        )
    if view.before is None or view.reason == "program":
        return None
    return Beside(
        row.id,
        view.before,
        row.from_licence_accepted,
        is_needed=False,
        searching_meanwhile=True,
    )
