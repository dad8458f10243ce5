"""What can go wrong in enrolment; each message says what to do next."""

from __future__ import annotations

from service.errors import (
    ConflictError,
    InvalidInputError,
    LikenessError,
    NotAllowedError,
    SignInRequiredError,
)


class AdultsOnlyError(NotAllowedError):
    """Somebody is, or was in a picture, under 18: hand them over, process nothing."""

    code = "adults_only"


class WeakPassphraseError(InvalidInputError):
    """The passphrase is too short or too simple to protect a case."""

    code = "weak_passphrase"


class StatementNotTickedError(InvalidInputError):
    """A statement has to be ticked by the one who signs; it is never ticked for them."""

    code = "statement_not_ticked"


class ReleaseNeededError(ConflictError):
    """There is no live release for what was asked; the person has to sign one first."""

    code = "release_needed"


class WrongStateError(ConflictError):
    """The case is not in a state in which this can be done."""

    code = "wrong_state"


class TooManyPhotosError(ConflictError):
    """The largest number of reference photos is reached."""

    code = "too_many_photos"


class TooManyNamesError(ConflictError):
    """The largest number of names is reached."""

    code = "too_many_names"


class FileTooLargeError(InvalidInputError):
    """The file is larger than this installation accepts, or empty."""

    code = "file_too_large"
    http_status = 413


class SignInFailedError(SignInRequiredError):
    """Case number and secret do not belong together; never said which of them is wrong."""

    code = "sign_in_failed"


class CaseNumberMismatchError(InvalidInputError):
    """The case number that was typed again is not the one that was shown."""

    code = "case_number_mismatch"


class ModelChangeError(ConflictError):
    """This step of a change of the model is not possible as it stands; the message says why."""

    code = "model_change"


class NoModelChangeError(ConflictError):
    """No change of the model is open."""

    code = "no_model_change"


class WrongModelError(LikenessError):
    """What looked at a photo is another model than the one that was asked for (design rule 14)."""

    code = "wrong_model"
    http_status = 500
    exit_code = 2


class ErasureUnfinishedError(LikenessError):
    """The rows are gone but the key could not be destroyed yet; it is tried again at next start."""

    code = "erasure_unfinished"
    http_status = 500
    exit_code = 2
