"""What can go wrong with candidates and intake; each message says what to do."""

from __future__ import annotations

from service.errors import ConflictError, InvalidInputError, NotAllowedError


class AlreadyDecidedError(ConflictError):
    """The candidate is decided, or this reviewer decided already."""

    code = "already_decided"


class AdvocatesFirstError(ConflictError):
    """It rests on a fingerprint that nobody has vouched for: reviewers decide before the person."""

    code = "advocates_first"


class NotAReviewerError(NotAllowedError):
    """Only trained advocates confirm what the system found."""

    code = "not_a_reviewer"


class StatementsMissingError(InvalidInputError):
    """A confirmation needs its statements ticked by the one who confirms."""

    code = "statements_missing"


class ReasonMissingError(InvalidInputError):
    """This verdict needs a reason."""

    code = "reason_missing"


class LinkInvalidError(InvalidInputError):
    """A link is not an address on the web; the message names it and why."""

    code = "link_invalid"


class ImportInvalidError(InvalidInputError):
    """A file cannot be imported; the message lists rows and reasons. Nothing was imported."""

    code = "import_invalid"


class TooManyLinksError(ConflictError):
    """The case holds as many undecided links as it may."""

    code = "too_many_links"
