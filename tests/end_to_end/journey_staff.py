"""What operators and advocates do in the browser, a step a function."""

from __future__ import annotations

from tests.fixtures.visitor import Visitor

PASSWORD = "four unrelated quiet words"


def set_up(operator: Visitor, link: str) -> None:
    """Spend the one-time link: the organisation and its operator."""
    operator.goto(link)
    operator.shoot("set-up")
    operator.fill(
        organisation_name="Helpline of the Coast",
        jurisdiction="United States",
        username="olive",
        display_name="Olive Operator",
        password=PASSWORD,
    )
    operator.press("Set up and sign in")
    operator.must_see("Settings", "Helpline of the Coast")


def switch_faces_on(operator: Visitor) -> None:
    """Record why faces may be compared here, and switch it on."""
    operator.goto("/settings")
    operator.must_see("off until you decide")
    operator.fill(
        jurisdiction="United States",
        legal_basis="Explicit consent of every enrolled person; advised by counsel in 2026.",
        impact_assessment="Signed on 1 October 2026 by the board; kept in the office, folder 12.",
    )
    operator.shoot("settings")
    operator.press("Record and switch it on")
    operator.must_see("Face matching: on.")
    operator.press("Keep bytes, encrypted")
    operator.must_see("captures keep the bytes, encrypted")


def invite_advocate(operator: Visitor) -> str:
    """A one-time link for a trained advocate."""
    operator.goto("/accounts")
    operator.tick("trained")
    operator.press("Make a one-time link")
    operator.shoot("accounts")
    return operator.page.locator(".secret").first.inner_text().strip()


def accept_invitation(advocate: Visitor, link: str, username: str, name: str) -> None:
    """Spend an invitation."""
    advocate.goto(link)
    advocate.fill(username=username, display_name=name, password=PASSWORD)
    advocate.press("Save and sign in")
    advocate.must_see("Cases")
