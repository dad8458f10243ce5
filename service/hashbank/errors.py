"""What can go wrong in the hash bank."""

from __future__ import annotations

from service.errors import ConflictError, InvalidInputError


class NotAHashError(InvalidInputError):
    """What was given is not a SHA-256 or PDQ hash."""

    code = "not_a_hash"


class NoHashError(InvalidInputError):
    """No hash could be made of the file."""

    code = "no_hash"


class HaltedPictureError(ConflictError):
    """It looks like something that was halted for a sign of a minor: it is not looked for."""

    code = "halted_picture"
