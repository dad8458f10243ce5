"""What a person does in the browser, a step a function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.fixtures.visitor import Visitor

NAME = "Robin Example"


@dataclass(frozen=True, slots=True)
class CaseSecrets:
    """What a person writes down at the beginning."""

    case_number: str
    passphrase: str
    deletion_code: str


def begin(person: Visitor) -> CaseSecrets:
    """From the first page to the written-down case number."""
    person.goto("/")
    person.must_see("What happened is not your fault")
    person.shoot("start")
    person.follow("Begin")
    person.page.locator("#adult-yes").check()
    person.page.locator("#minor-no").check()
    person.shoot("age")
    person.press("Go on")
    person.page.locator("#kind-words").check()
    person.fill(display_name="Robin", country="United States")
    person.shoot("secret")
    person.press("Get my case number")
    person.must_see("Write this down now")
    shown = {
        name: person.page.locator(f"#{name}").inner_text().strip()
        for name in ("case-number", "made-passphrase", "deletion-code")
    }
    person.shoot("number")
    person.follow("I have written it down")
    person.fill(case_number=shown["case-number"].lower())
    person.press("Go on")
    return CaseSecrets(shown["case-number"], shown["made-passphrase"], shown["deletion-code"])


def sign(person: Visitor, *, faces: bool) -> None:
    """Release and mandate on one page."""
    person.must_see("What you agree to")
    person.shoot("release")
    person.must_fit()
    person.tick("may_search", "may_capture", "may_notify", "agreed")
    if faces:
        person.tick("covers_faces")
    person.fill(signature_name=NAME)
    person.press("Sign")


def give_photos(person: Visitor, photos: list[Path]) -> None:
    """Reference photos, all at once."""
    person.page.locator("[name=files]").set_input_files(photos)
    person.press("Give these photos")
    person.must_see(f"What you gave ({len(photos)})")
    person.shoot("photos")
    person.must_fit()


def hand_in(person: Visitor) -> None:
    """Give the case to the advocates."""
    person.must_see("That is all we need")
    person.shoot("hand-in")
    person.press("Hand in")
    person.must_see("My case")


def sign_in(person: Visitor, secrets: CaseSecrets) -> None:
    """Come back later, typing the number as people do."""
    person.goto("/sign-in")
    typed = re.sub("-", " ", secrets.case_number.lower())
    person.fill(case_number=typed, passphrase=secrets.passphrase)
    person.press("Open my case")


def bring_link(person: Visitor, link: str) -> None:
    """Paste an address and declare; the same on the enrolment's page and later."""
    person.must_see("Links that you know")
    person.fill(links=link, signature_name=NAME)
    person.tick("declared")
    person.shoot("link")
    person.must_fit()
    person.press("Bring these links")
    person.must_see("Brought so far (1)")


def give_word(person: Visitor, candidate_id: str) -> None:
    """Say of a find that it is me, without having to look at it."""
    person.goto("/my")
    person.must_see("Your turn")
    person.shoot("my-case")
    person.goto("/my/finds")
    person.shoot("finds")
    person.goto(f"/my/finds/{candidate_id}")
    assert person.page.locator("main img").count() == 0, "a picture is shown unasked"
    person.page.locator("#same").check()
    for box in person.page.locator("[name=statements]").all():
        assert not box.is_checked(), "a statement was ticked beforehand"
        box.check()
    person.fill(signature_name=NAME)
    person.shoot("find")
    person.must_fit()
    person.press("Give my word")
