"""What can go wrong with captures and exhibits."""

from service.errors import ConflictError, InvalidInputError, LikenessError


class BundleRefusedError(LikenessError):
    """The file is not a bundle at all, or is beyond the limits within which one is read."""

    code = "bundle_refused"
    http_status = 422


class BundleFileError(LikenessError):
    """The bundle's file cannot be opened: nothing was verified, nothing is known to be broken."""

    code = "bundle_file"
    http_status = 422
    exit_code = 2


class BadTrustError(InvalidInputError):
    """What was given as a trusted signer is neither a fingerprint nor a file of keys."""

    code = "bad_trust"
    exit_code = 2


class NotSealedError(ConflictError):
    """The exhibit has no sealed bundle (yet); its page says why."""

    code = "not_sealed"


class CaptureNotPermittedError(LikenessError):
    """The person's mandate or state does not (any more) permit capturing."""

    code = "capture_not_permitted"
    http_status = 403
