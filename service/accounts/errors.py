"""What can go wrong with accounts, sign-in and links."""

from service.errors import InvalidInputError, LikenessError, NotConfiguredError


class SignInFailedError(LikenessError):
    """Name, password or code are wrong, or the account is closed: never said which."""

    code = "sign_in_failed"
    http_status = 401


class LinkSpentError(LikenessError):
    """A one-time link was used already, has expired, or never existed."""

    code = "link_spent"
    http_status = 410


class WeakPasswordError(InvalidInputError):
    """The password is too short or too easily guessed; the message says what would do."""

    code = "weak_password"


class UsernameTakenError(InvalidInputError):
    """Somebody on this installation has that username already."""

    code = "username_taken"


class WrongCodeError(InvalidInputError):
    """The six digits do not match, or were used already."""

    code = "wrong_code"


class FaceMatchingRefusedError(InvalidInputError):
    """Face matching cannot be switched on while what it needs is not recorded (design rule 11)."""

    code = "face_matching_refused"


class NotSetUpError(NotConfiguredError):
    """The installation has no organisation yet: the operator must follow the one-time link."""

    code = "not_set_up"
