"""Changing the model: the new one is built beside the old, takes its place at once, and the old one
is kept until an operator confirms (design rule 14).

1. `start` opens a change; workers then make templates with the new model, beside the old ones.
2. `advance`, after each round of theirs: when no photo is left the change is "ready", and is
   switched, unless the operator wants to be asked or somebody would not be found any more.
3. `switch`: one transaction names the model that searches and counts the watch-list's change.
4. `confirm` ends it; or `back`, at once, as long as it is not confirmed; or `abandon` before it
   was switched. `destroy_others` then deletes every template that no step needs any more.
5. `follow_program`: this program prepares faces in another way than the templates in use were made.
   Nothing can be compared until they are made anew, so it is switched by itself.

Nothing here commits but `destroy_others`. Every step is in the audit trail of each organisation.
"""

from __future__ import annotations

import uuid
from collections import Counter

from sqlalchemy.orm import Session

from indexer.observations import ModelStamp
from service.accounts.actor import Actor, Role
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.erasure import empty_write_ahead_log
from service.enrolment.errors import ModelChangeError, NoModelChangeError
from service.enrolment.model_repository import ModelRepository
from service.enrolment.model_rows import before_of, beside_of, counts_of, note, view_of
from service.enrolment.model_views import (
    Beside,
    BuildCounts,
    ChangeReason,
    ChangeView,
    ModelStanding,
    UsedModel,
)
from service.enrolment.models import ModelChange, TemplateRefusal
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.errors import NotAllowedError
from service.vault import Vault
from service.vault.errors import KeyDestroyedError

_SYSTEM = Actor.system("models")


class ModelChanges:
    """The model that searches, and how another one takes its place."""

    def __init__(
        self, vault: Vault, clock: Clock, audit: AuditTrail, accounts: AccountService
    ) -> None:
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._audit = audit
        self._accounts = accounts

    # --- looking --------------------------------------------------------------------------------

    def in_use(self, session: Session) -> UsedModel | None:
        """The model that searches; None before the first worker started."""
        row = self._repository(session).any_in_use()
        if row is None:
            return None
        stamp = ModelStamp(row.pack, row.digest, row.preprocessing)
        return UsedModel(stamp, row.licence_accepted, row.since)

    def open_change(self, session: Session) -> ChangeView | None:
        """The open change with the counts of the whole installation; for workers."""
        repository = self._repository(session)
        row = repository.any_open_change()
        return None if row is None else view_of(row, counts_of(repository, row))

    def standing(self, session: Session, actor: Actor) -> ModelStanding:
        """For operators, with the counts of their own organisation; for the system, of all."""
        _require_operator(actor)
        repository = self._repository(session)
        used, row = self.in_use(session), repository.any_last_change()
        change = self._view(session, actor, row) if row is not None else None
        looked = change.after if change and change.is_open else used.stamp if used else None
        refusals: Counter[str] = Counter()
        if looked is not None:
            for refusal in repository.any_refusals(looked.digest, actor.organisation_id):
                refusals[self._code_of(refusal)] += 1
        return ModelStanding(used, change, tuple(sorted(refusals.items())))

    def beside(self, session: Session) -> Beside | None:
        """The model that workers have to make templates of, beside the one that searches."""
        row = self._repository(session).any_open_change()
        if row is None:
            return None
        return beside_of(row)

    def missing(self, session: Session, model: ModelStamp, limit: int) -> tuple[uuid.UUID, ...]:
        """Photos that this model has not looked at yet, at most `limit`; for workers."""
        return tuple(self._repository(session).any_missing(model.digest, limit))

    def can_advance(self, session: Session) -> bool:
        """Whether `advance` would move the open change on."""
        repository = self._repository(session)
        row = repository.any_open_change()
        if row is None or row.state == "switched" or repository.any_is_missing(row.to_digest):
            return False
        return row.state == "building" or _switches_by_itself(row, counts_of(repository, row))

    # --- moving ---------------------------------------------------------------------------------

    def adopt(self, session: Session, stamp: ModelStamp) -> bool:
        """The first model of this installation; False when there is one already."""
        repository = self._repository(session)
        if repository.any_in_use() is not None:
            return False
        repository.any_put_in_use(stamp, licence_accepted=False)
        return True

    def start(
        self,
        session: Session,
        actor: Actor,
        after: ModelStamp,
        *,
        asks_before_switch: bool = False,
        licence_accepted: bool = False,
        tried_out: bool = False,
    ) -> ChangeView:
        """Begin to build `after` beside the model in use.

        With `tried_out` (the caller has opened it) and nobody's photo to do, it is used at once.
        """
        _require_operator(actor)
        repository = self._repository(session)
        used, opened = self.in_use(session), repository.any_open_change(to_move=True)
        if opened is not None:
            raise ModelChangeError(
                f"A change to {opened.to_pack} is {_STATE_WORDS[opened.state]}: end it first."
            )
        if used is not None and used.stamp == after:
            raise ModelChangeError(f"{after.pack} is the model in use already.")
        row = self._new(used, after, "chosen", actor.account_id)
        row.asks_before_switch, row.to_licence_accepted = asks_before_switch, licence_accepted
        repository.add(row)
        self._record(session, actor, "start", row)
        if tried_out and not repository.any_is_missing(after.digest):
            self._ready(session, actor, row)
            self._switch(session, actor, row)
        return self._view(session, actor, row)

    def follow_program(self, session: Session, after: ModelStamp) -> ChangeView | None:
        """The program gives the pack in use this stamp now: build it; None if it is so already.

        A change that is open meanwhile was made for the program before and is superseded.
        """
        repository = self._repository(session)
        used, opened = self.in_use(session), repository.any_open_change(to_move=True)
        if used is None or used.stamp == after:
            return None
        if opened is not None:
            if opened.reason == "program" and opened.to_digest == after.digest:
                return None
            self._end(session, _SYSTEM, opened, "superseded")
        row = self._new(used, after, "program", None)
        row.to_licence_accepted = used.licence_accepted
        repository.add(row)
        self._record(session, _SYSTEM, "start", row)
        return view_of(row, counts_of(repository, row))

    def advance(self, session: Session) -> ChangeView | None:
        """Write down how far the build is, and move it on when nothing is left."""
        repository = self._repository(session)
        row = repository.any_open_change(to_move=True)
        if row is None:
            return None
        counts = counts_of(repository, row)
        note(row, counts)
        if row.state == "building" and not repository.any_is_missing(row.to_digest):
            self._ready(session, _SYSTEM, row)
        if row.state == "ready" and _switches_by_itself(row, counts):
            self._switch(session, _SYSTEM, row)
        session.flush()
        return view_of(row, counts)

    def note_problem(self, session: Session, change_id: uuid.UUID, code: str) -> None:
        """What keeps a worker from building, as a stable code; empty when nothing does."""
        row = self._repository(session).any_open_change(to_move=True)
        if row is not None and row.id == change_id and row.problem != code:
            row.problem = code
            session.flush()

    def switch(self, session: Session, actor: Actor) -> ChangeView:
        """Use the new model now, whoever cannot be found with it."""
        row = self._to_move(session, actor, "ready", "It can be switched once it is built.")
        self._switch(session, actor, row)
        return self._view(session, actor, row)

    def confirm(self, session: Session, actor: Actor) -> ChangeView:
        """The new model stays; afterwards `destroy_others` deletes the templates of the old one."""
        row = self._to_move(session, actor, "switched", "Only a model in use can be confirmed.")
        self._end(session, actor, row, "confirmed")
        return self._view(session, actor, row)

    def back(self, session: Session, actor: Actor) -> ChangeView:
        """Use the old model again, at once."""
        row = self._to_move(session, actor, "switched", "There is no old model to go back to.")
        if row.reason == "program":
            raise ModelChangeError(
                "This program cannot compare with the old templates any more: it prepares faces in "
                "another way. Only the program before it could."
            )
        before = before_of(row)
        if before is None:
            raise ModelChangeError("There was no model before this one.")
        self._repository(session).any_put_in_use(before, licence_accepted=row.from_licence_accepted)
        self._bump(session)
        self._end(session, actor, row, "went_back")
        return self._view(session, actor, row)

    def abandon(self, session: Session, actor: Actor) -> ChangeView:
        """Stop building; the model in use stays. `destroy_others` deletes what was made."""
        row = self._to_move(
            session, actor, ("building", "ready"), "It was switched already: go back instead."
        )
        if row.reason == "program":
            raise ModelChangeError(
                "This program needs the new templates: without them no face is compared at all."
            )
        self._end(session, actor, row, "abandoned")
        return self._view(session, actor, row)

    def destroy_others(self, database: Database) -> int:
        """Delete the templates of all models that neither search nor belong to an open change.

        In transactions of some thousands; deleted pages are overwritten and SQLite's write-ahead
        log is emptied. May be called at any time, also after a crash in the middle. How many.
        """
        destroyed = 0
        while True:
            with database.write() as session:
                repository = self._repository(session)
                used, row = repository.any_in_use(), repository.any_open_change(to_move=True)
                if used is None:
                    return destroyed
                kept = {used.digest}
                if row is not None:
                    kept |= {row.to_digest, row.from_digest or row.to_digest}
                some = repository.any_delete_others(kept)
            if not some:
                break
            destroyed += some
        if destroyed:
            empty_write_ahead_log(database)
            with database.write() as session:
                self._audit.record(
                    session, _SYSTEM, "model.destroy_others", "model", used.digest, rows=destroyed
                )
        return destroyed

    # --- parts ----------------------------------------------------------------------------------

    def _new(
        self,
        used: UsedModel | None,
        after: ModelStamp,
        reason: ChangeReason,
        started_by: uuid.UUID | None,
    ) -> ModelChange:
        before = used.stamp if used else None
        return ModelChange(
            id=uuid.uuid4(),
            open=True,
            state="building",
            reason=reason,
            asks_before_switch=False,
            from_pack=before.pack if before else None,
            from_digest=before.digest if before else None,
            from_preprocessing=before.preprocessing if before else None,
            from_licence_accepted=used.licence_accepted if used else False,
            to_pack=after.pack,
            to_digest=after.digest,
            to_preprocessing=after.preprocessing,
            to_licence_accepted=False,
            started_by=started_by,
            problem="",
            photos=0,
            made=0,
            refused=0,
            people_without=0,
            started_at=self._clock.now(),
        )

    def _ready(self, session: Session, actor: Actor, row: ModelChange) -> None:
        note(row, counts_of(self._repository(session), row))
        row.state, row.ready_at, row.problem = "ready", self._clock.now(), ""
        self._record(session, actor, "ready", row)

    def _switch(self, session: Session, actor: Actor, row: ModelChange) -> None:
        repository = self._repository(session)
        after = ModelStamp(row.to_pack, row.to_digest, row.to_preprocessing)
        repository.any_put_in_use(after, licence_accepted=row.to_licence_accepted)
        self._bump(session)
        row.state, row.switched_at = "switched", self._clock.now()
        self._record(session, actor, "switch", row)
        if row.from_digest is None or not repository.any_has_templates(row.from_digest):
            # nothing is left that one could go back to
            self._end(session, actor, row, "confirmed")

    def _end(self, session: Session, actor: Actor, row: ModelChange, state: str) -> None:
        note(row, counts_of(self._repository(session), row))
        row.state, row.open, row.ended_at, row.problem = state, None, self._clock.now(), ""
        session.flush()
        self._record(session, actor, _ACTIONS[state], row)

    def _to_move(
        self, session: Session, actor: Actor, states: str | tuple[str, ...], otherwise: str
    ) -> ModelChange:
        _require_operator(actor)
        row = self._repository(session).any_open_change(to_move=True)
        if row is None:
            raise NoModelChangeError("There is no open change of the model.")
        if row.state not in states if isinstance(states, tuple) else row.state != states:
            raise ModelChangeError(f"The change is {_STATE_WORDS[row.state]}. {otherwise}")
        return row

    def _record(self, session: Session, actor: Actor, step: str, row: ModelChange) -> None:
        """In the trail of each organisation whose people are looked for, and of who acted; with
        the counts of that organisation.
        """
        organisations = self._accounts.organisations.with_face_matching(session)
        others = [Actor.system("models", each) for each in sorted(organisations)]
        acting = [] if actor == _SYSTEM and others else [actor]
        for who in acting + [
            each for each in others if each.organisation_id != actor.organisation_id
        ]:
            counts = counts_of(self._repository(session), row, who.organisation_id)
            self._audit.record(
                session,
                who,
                f"model.{step}",
                "model_change",
                row.id,
                before=row.from_pack or "",
                after=row.to_pack,
                reason=row.reason,
                photos=counts.photos,
                made=counts.made,
                refused=counts.refused,
                people_without=counts.people_without,
            )

    def _view(self, session: Session, actor: Actor, row: ModelChange) -> ChangeView:
        """With the counts of the caller's organisation; but whoever would be lost, it waits."""
        repository = self._repository(session)
        waits = row.state == "ready" and not _switches_by_itself(row, counts_of(repository, row))
        counts = counts_of(repository, row, actor.organisation_id)
        return view_of(row, counts, waits_for_operator=waits)

    def _bump(self, session: Session) -> None:
        EnrolmentRepository(session, _SYSTEM, self._clock.now()).bump_gallery()

    def _code_of(self, refusal: TemplateRefusal) -> str:
        try:
            return self._sealed.refusal(refusal).code
        except KeyDestroyedError:
            return "erased"

    def _repository(self, session: Session) -> ModelRepository:
        organisations = self._accounts.organisations.with_face_matching(session)
        return ModelRepository(session, self._clock.now(), organisations)


_STATE_WORDS = {
    "building": "being built",
    "ready": "built and not yet in use",
    "switched": "in use and not yet confirmed",
}
_ACTIONS = {
    "confirmed": "confirm",
    "abandoned": "abandon",
    "went_back": "back",
    "superseded": "supersede",
}


def _require_operator(actor: Actor) -> None:
    if actor.role not in (Role.OPERATOR, Role.SYSTEM):
        raise NotAllowedError("Only an operator may do this.")


def _switches_by_itself(row: ModelChange, counts: BuildCounts) -> bool:
    if row.reason == "program":
        return True
    return not row.asks_before_switch and counts.people_lost == 0
