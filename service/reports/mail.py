"""One neutral mail: that a report is ready. Nothing of what is in it, no site, no number, no name.

Without a mail server in the settings nothing is sent, and that is no error. The text is fixed, so
that nothing that was scraped or entered can ever be in a mail.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal

from pydantic import SecretStr

from service.reports.errors import MailNotSentError

SUBJECT = "A report is ready"
BODY = "A report is ready. Sign in to read it.\n"
_TIMEOUT_S = 20.0

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail leaves: the operator's own server, never one that a page named."""

    host: str
    port: int
    security: Security
    user: str
    password: SecretStr | None
    sender: str
    recipients: tuple[str, ...]

    @property
    def is_configured(self) -> bool:
        """Whether there is a server, somebody to write to, and a name to write under."""
        return bool(self.host and self.sender and self.recipients)


SendNotice = Callable[[], None]


def send_ready_notice(server: MailServer) -> None:
    """Send the one text to all recipients. Raises `MailNotSentError` with nothing of its content.

    Recipients do not see each other.
    """
    message = EmailMessage()
    message["Subject"] = SUBJECT
    message["From"] = server.sender
    message["To"] = "undisclosed-recipients:;"
    message["Date"] = formatdate(usegmt=True)
    # the host name of this machine is nobody's business
    message["Message-ID"] = make_msgid(domain=server.sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(BODY)
    try:
        with _connected(server) as connection:
            connection.send_message(message, server.sender, list(server.recipients))
    except smtplib.SMTPException as error:
        raise MailNotSentError(
            f"The mail server did not take the mail ({type(error).__name__}): see LIKENESS_SMTP_*."
        ) from error
    except OSError as error:
        raise MailNotSentError(
            f"The mail server could not be reached ({type(error).__name__}): see LIKENESS_SMTP_*."
        ) from error


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host,
            server.port,
            local_hostname="localhost",
            timeout=_TIMEOUT_S,
            context=context,
        )
    else:
        connection = smtplib.SMTP(
            server.host, server.port, local_hostname="localhost", timeout=_TIMEOUT_S
        )
    with connection:
        if server.security == "starttls":
            connection.starttls(context=context)
        if server.user:
            password = server.password.get_secret_value() if server.password else ""
            connection.login(server.user, password)
        yield connection
