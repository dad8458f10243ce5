"""What can go wrong with sites, runs and the frontier."""

from __future__ import annotations

from service.errors import ConflictError, InvalidInputError, NotAllowedError, NotConfiguredError


class SiteInvalidError(InvalidInputError):
    """A site's description is not acceptable. `field` is the name of the field that is wrong."""

    code = "site_invalid"

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class SiteNameTakenError(ConflictError):
    """The organisation has a site of this name already."""

    code = "site_name_taken"


class SitePausedError(ConflictError):
    """The site is paused; resume it before starting a run."""

    code = "site_paused"


class RunLiveError(ConflictError):
    """A run of this site is queued, running or paused: there is at most one."""

    code = "run_live"


class RunOverError(ConflictError):
    """The run has ended; nothing about it can be changed any more."""

    code = "run_over"


class RunStateError(ConflictError):
    """The run is not in a state in which this can be done; the message says what to do instead."""

    code = "run_state"


class NoPurposeError(NotAllowedError):
    """No open case is served and no purpose of monitoring is recorded (design rule 10)."""

    code = "no_purpose"


class FencedOffError(ConflictError):
    """The lease of this address was given to somebody else meanwhile; nothing was written."""

    code = "fenced_off"


class SeenIndexError(NotConfiguredError):
    """What was seen before cannot be looked up now; the message says why."""

    code = "seen_index"
