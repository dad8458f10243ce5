"""What can go wrong with models and reference photos, each with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import IndexerError

if TYPE_CHECKING:
    from indexer.faces.quality import FaceQuality


class UnknownPack(IndexerError):
    """No model pack of this name is known, built in or described in the models folder."""

    code = "unknown_pack"


class LicenceNotAccepted(IndexerError):
    """The pack's weights may not be used by everyone, and the operator has not accepted that."""

    code = "licence_not_accepted"


class PackMissing(IndexerError):
    """The pack's files are not in the models folder; fetch them first."""

    code = "pack_missing"


class PackDamaged(IndexerError):
    """A file of the pack differs from its digest or size; fetch it again."""

    code = "pack_damaged"


class PackDescriptionInvalid(IndexerError):
    """A `pack.toml` that an operator wrote is incomplete or contradicts itself."""

    code = "pack_description_invalid"


class FetchFailed(IndexerError):
    """The pack could not be fetched; the message says whether network, disk or digest."""

    code = "fetch_failed"


class ModelUnusable(IndexerError):
    """A model file cannot be folded or loaded by the chosen runtime."""

    code = "model_unusable"


class RuntimeUnavailable(IndexerError):
    """The inference runtime asked for is not installed or not known."""

    code = "runtime_unavailable"


class ProbeGuarded(IndexerError, TypeError):
    """Somebody tried to copy, store, send or look into a probe (design rule 1)."""

    code = "probe_guarded"


class ProbeSpent(IndexerError):
    """The probes were already compared and overwritten; look at the picture again."""

    code = "probe_spent"


class PhotoRefused(IndexerError):
    """A reference photo that gives no template. `code` is one of the refusal codes of `Enrolled`.

    `quality` is there when exactly one face was judged.
    """

    code = "photo_refused"

    def __init__(self, code: str, message: str, quality: FaceQuality | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.quality = quality
