"""What can go wrong with models and reference photos, each with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import IndexerError

if TYPE_CHECKING:
    from indexer.faces.quality import FaceQuality


class UnknownPackError(IndexerError):
    """No model pack of this name is known, built in or described in the models folder."""

    code = "unknown_pack"


class LicenceNotAcceptedError(IndexerError):
    """The pack's weights may not be used by everyone, and the operator has not accepted that."""

    code = "licence_not_accepted"


class PackMissingError(IndexerError):
    """The pack's files are not in the models folder; fetch them first."""

    code = "pack_missing"


class PackDamagedError(IndexerError):
    """A file of the pack differs from its digest or size; fetch it again."""

    code = "pack_damaged"


class PackDescriptionError(IndexerError):
    """A `pack.toml` that an operator wrote is incomplete or contradicts itself."""

    code = "pack_description_invalid"


class CalibrationRefusedError(IndexerError):
    """A calibration file that contradicts itself, or was made with another model (rule 14)."""

    code = "calibration_refused"


class FetchFailedError(IndexerError):
    """The pack could not be fetched. `code` says why: "no_network", "no_space", "not_writable",
    "wrong_digest", "no_pip" or "not_fetchable".
    """

    code = "fetch_failed"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ModelUnusableError(IndexerError):
    """A model file cannot be folded or loaded by the chosen runtime."""

    code = "model_unusable"


class RuntimeUnavailableError(IndexerError):
    """The inference runtime asked for is not installed or not known."""

    code = "runtime_unavailable"


class ProbeGuardedError(IndexerError, TypeError):
    """Somebody tried to copy, store, send or look into a probe (design rule 1)."""

    code = "probe_guarded"


class ProbeSpentError(IndexerError):
    """The probes were already compared and overwritten; look at the picture again."""

    code = "probe_spent"


class PhotoRefusedError(IndexerError):
    """A reference photo that gives no template. `code` is one of the refusal codes of `Enrolled`.

    `quality` is there when exactly one face was judged.
    """

    code = "photo_refused"

    def __init__(self, code: str, message: str, quality: FaceQuality | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.quality = quality
