"""One base class for what can go wrong in `service`; mapped once to HTTP and to exit codes.

Each error says what happened and what to do. `code` is stable for programs, `http_status` is what
an endpoint answers, `exit_code` what a command ends with.
"""

from __future__ import annotations


class LikenessError(Exception):
    """Base of every error that `service` raises on purpose. The message is shown to people."""

    code = "error"
    http_status = 400
    exit_code = 1


class NotFoundError(LikenessError):
    """It does not exist, or this caller may not see it: the two are never told apart."""

    code = "not_found"
    http_status = 404


class NotAllowedError(LikenessError):
    """The caller is signed in but may not do this."""

    code = "not_allowed"
    http_status = 403


class SignInRequiredError(LikenessError):
    """Nobody is signed in."""

    code = "sign_in_required"
    http_status = 401


class InvalidInputError(LikenessError):
    """What was sent is not acceptable; the message names the field and what would be."""

    code = "invalid_input"
    http_status = 422


class ConflictError(LikenessError):
    """It was already done, or the state has moved on in the meantime."""

    code = "conflict"
    http_status = 409


class TooManyAttemptsError(LikenessError):
    """A rate limit was reached; the message says when to try again."""

    code = "too_many_attempts"
    http_status = 429


class NotConfiguredError(LikenessError):
    """The installation lacks a setting or a part that this needs; the message names it."""

    code = "not_configured"
    http_status = 503
    exit_code = 2
