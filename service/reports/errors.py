"""What can go wrong with reports."""

from __future__ import annotations

from service.errors import LikenessError


class MailNotSentError(LikenessError):
    """A mail could not be sent. `code` says why in a stable word, never an address."""

    code = "mail_not_sent"
    http_status = 503


class ReportNotSetError(LikenessError):
    """A report could not be set as a document; its JSON and page are not concerned."""

    code = "report_not_set"
    http_status = 500
