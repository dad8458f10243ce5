"""What can go wrong with notices; an incomplete one lists everything that is missing."""

from __future__ import annotations

from service.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from service.notices.elements import MissingElement


class UnknownRegimeError(NotFoundError):
    """No regime of that name is known."""

    code = "unknown_regime"


class ExhibitsDoNotFitError(InvalidInputError):
    """A notice is made of exhibits of one person on one host."""

    code = "exhibits_do_not_fit"


class UnsealedExhibitError(ConflictError):
    """An exhibit is not sealed: seal it, or record why the notice cannot wait."""

    code = "unsealed_exhibit"


class IncompleteNoticeError(InvalidInputError):
    """The law's elements are not all there; `missing` lists every one of them."""

    code = "notice_incomplete"

    def __init__(self, missing: tuple[MissingElement, ...]) -> None:
        self.missing = missing
        listed = "; ".join(f"{one.title} ({one.source}): {one.words}" for one in missing)
        super().__init__(f"This notice cannot be signed yet. Missing: {listed}")


class MandateNeededError(NotAllowedError):
    """There is no live mandate that lets this organisation send notices for the person."""

    code = "mandate_needed"


class NotADraftError(ConflictError):
    """The notice was signed already; it can no longer be changed."""

    code = "not_a_draft"


class WithdrawnExhibitError(NotADraftError):
    """An exhibit of the notice was withdrawn since it was drafted, as after a sign of a minor."""

    code = "withdrawn_exhibit"


class NotSignedError(ConflictError):
    """The notice is not signed yet: there is no document to take away or to file."""

    code = "not_signed"


class FilingTimeError(InvalidInputError):
    """The times of filing and receipt do not fit each other, or lie in the future."""

    code = "filing_time"


class NoticeTextError(InvalidInputError):
    """The text cannot be set as a document."""

    code = "notice_text"
