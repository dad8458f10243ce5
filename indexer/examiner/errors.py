"""What can go wrong between the worker and its examiner."""

from __future__ import annotations

from indexer.errors import IndexerError


class ExaminerUnavailableError(IndexerError):
    """The examiner process does not start, or ended while it was being set up."""

    code = "examiner_unavailable"


class ExaminerRefusedError(IndexerError):
    """The examiner could not serve a request; `code` and message are its own."""

    code = "examiner_refused"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadSettingError(IndexerError):
    """The worker asked for a setting that does not exist."""

    code = "bad_setting"


class GalleryDamagedError(IndexerError):
    """A gallery came in parts that do not fit: one is missing, doubled or changed."""

    code = "gallery_damaged"


class GalleryOutOfStepError(IndexerError):
    """A difference does not fit the gallery in service: load the whole gallery again."""

    code = "gallery_out_of_step"
