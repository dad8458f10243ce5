"""The neutral mail, by a mail server on loopback: it says nothing but that a report is ready."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_string

import pytest
from pydantic import SecretStr

from service.reports.errors import MailNotSentError
from service.reports.mail import MailServer, Security, send_ready_notice


@dataclass
class Inbox:
    """What arrived."""

    port: int = 0
    recipients: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refuses: bool = False


class _Handler(socketserver.StreamRequestHandler):
    """Just enough of RFC 5321 for one mail."""

    def handle(self) -> None:
        inbox: Inbox = self.server.inbox  # type: ignore[attr-defined]
        self._say("220 mail.test")
        while line := self.rfile.readline().decode("ascii").strip():
            word = line.split(":")[0].split()[0].upper()
            if word == "RCPT":
                inbox.recipients.append(line.partition("<")[2].rstrip(">"))
            if word == "QUIT":
                self._say("221 bye")
                return
            if word == "DATA":
                self._say("354 go on")
                lines = []
                while (got := self.rfile.readline()) != b".\r\n":
                    lines.append(got.decode("ascii"))
                inbox.texts.append("".join(lines))
            self._say("550 no" if inbox.refuses and word == "MAIL" else "250 well")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode("ascii"))


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        made = Inbox(port=server.server_address[1])
        server.inbox = made  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


def _server(port: int, security: Security = "none", user: str = "") -> MailServer:
    return MailServer(
        "127.0.0.1",
        port,
        security,
        user,
        SecretStr("a secret"),
        "office@helpline.example",
        ("olga@helpline.example", "otto@helpline.example"),
    )


def test_it_says_that_a_report_is_ready_and_nothing_else(inbox: Inbox) -> None:
    send_ready_notice(_server(inbox.port))
    assert inbox.recipients == ["olga@helpline.example", "otto@helpline.example"]
    (text,) = inbox.texts
    mail = message_from_string(text)
    assert mail["Subject"] == "A report is ready"
    assert str(mail.get_payload()).strip() == "A report is ready. Sign in to read it."
    assert "olga" not in text
    assert "otto" not in text
    assert set(mail.keys()) == {
        "Subject",
        "From",
        "To",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }


def test_a_server_that_refuses_or_is_away_is_an_error_without_any_address(inbox: Inbox) -> None:
    inbox.refuses = True
    with pytest.raises(MailNotSentError) as refused:
        send_ready_notice(_server(inbox.port))
    with pytest.raises(MailNotSentError) as away:
        send_ready_notice(_server(1))
    for error in (refused, away):
        assert "olga" not in str(error.value)
        assert "LIKENESS_SMTP" in str(error.value)


def test_a_password_never_goes_to_a_server_that_does_not_protect_it(inbox: Inbox) -> None:
    with pytest.raises(MailNotSentError):
        send_ready_notice(_server(inbox.port, "starttls", "office"))
    assert inbox.texts == []


def test_without_server_sender_or_recipient_there_is_no_mail() -> None:
    assert _server(25).is_configured
    assert not MailServer("", 25, "none", "", None, "a@b.example", ("c@b.example",)).is_configured
    assert not MailServer("h", 25, "none", "", None, "", ("c@b.example",)).is_configured
    assert not MailServer("h", 25, "none", "", None, "a@b.example", ()).is_configured
