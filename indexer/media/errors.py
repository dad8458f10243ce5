"""Why a medium could not be turned into pixels: one class, one stable code for each reason.

A code goes into `Refusal.code`; the message is for the person who reads the report.
"""

from __future__ import annotations

from typing import Final

from indexer.errors import IndexerError
from indexer.observations import Refusal


class MediaError(IndexerError):
    """One medium could not be looked at. The next one can."""

    code = "media"

    @property
    def refusal(self) -> Refusal:
        """The same, in the form that an `Examination` carries."""
        return Refusal(code=self.code, message=str(self))


class EmptyMediumError(MediaError):
    """There are no bytes."""

    code = "empty"


class TooLargeError(MediaError):
    """More bytes than allowed."""

    code = "too_large"


class TooManyPixelsError(MediaError):
    """The header announces more pixels, or longer sides, than allowed."""

    code = "too_many_pixels"


class TooMuchMemoryError(MediaError):
    """Decoding would have needed more memory than a decoder may have."""

    code = "too_much_memory"


class NotAPictureError(MediaError):
    """The bytes are not a picture or video of a kind that we read."""

    code = "not_a_picture"


class TruncatedError(MediaError):
    """The picture ends before it is complete."""

    code = "truncated"


class UnreadableError(MediaError):
    """It calls itself a picture, but cannot be decoded."""

    code = "unreadable"


class NoPicturesInVideoError(MediaError):
    """A container of videos that holds only sound, or only a cover picture."""

    code = "no_pictures_in_video"


class NotAPhotoError(MediaError):
    """A video where a single picture is needed."""

    code = "not_a_photo"


class DecoderCrashedError(MediaError):
    """The decoder process died on this medium."""

    code = "decoder_crashed"


class DecoderTimeoutError(MediaError):
    """Decoding took longer than allowed and was stopped."""

    code = "decoder_timeout"


class DecoderUnavailableError(IndexerError):
    """No decoder process can be started here: nothing can be looked at."""

    code = "decoder_unavailable"


class SandboxUnavailableError(DecoderUnavailableError):
    """bubblewrap is required by the settings and does not work on this machine."""

    code = "sandbox_unavailable"


_REFUSALS: Final[dict[str, type[MediaError]]] = {
    kind.code: kind
    for kind in (
        EmptyMediumError,
        TooLargeError,
        TooManyPixelsError,
        TooMuchMemoryError,
        NotAPictureError,
        TruncatedError,
        UnreadableError,
        NoPicturesInVideoError,
    )
}


def media_error(code: str, message: str) -> MediaError:
    """The error that a decoder's refusal stands for; an unknown code is an unreadable picture."""
    return _REFUSALS.get(code, UnreadableError)(message)
