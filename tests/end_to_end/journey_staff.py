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


def attest(advocate: Visitor) -> None:
    """Open the waiting case and attest who it is."""
    advocate.goto("/cases")
    advocate.must_see("waits for your attestation")
    advocate.shoot("cases")
    advocate.follow("waits for your attestation")
    advocate.shoot("attest")
    advocate.page.locator("#accept").check()
    advocate.fill(method="In person, with an identity card.")
    advocate.tick("statement_ticked")
    advocate.press("Record")


def add_site(operator: Visitor, name: str, start: str) -> None:
    """Describe a site with its purpose."""
    operator.goto("/sites/new")
    operator.fill(
        name=name,
        seeds=start,
        purpose="Find and take down pictures of people who asked us for help.",
        legal_basis="Mandates of enrolled people; public pages.",
        delay_s="0",
    )
    operator.shoot("site")
    operator.press("Add the site")
    operator.must_see(name)


def run_site(operator: Visitor) -> None:
    """Start a run from the site's page and wait for its end, as the page tells it."""
    operator.press("Start a run")
    for _ in range(90):
        operator.page.reload()
        if operator.page.locator("dd", has_text="finished").count():
            break
        operator.page.wait_for_timeout(1000)
    operator.must_be_fine()
    operator.must_see("finished")
    operator.shoot("run")
    operator.follow("Report")
    operator.must_see("Candidates", "Media that could not be read")
    operator.shoot("report")


def wait_for_exhibit(advocate: Visitor) -> None:
    """Wait until the newest confirmed find is sealed, then open its page and verify it."""
    for _ in range(60):
        advocate.goto("/exhibits")
        if advocate.page.locator(".card .badge").first.inner_text() == "sealed":
            break
        advocate.page.wait_for_timeout(1000)
    advocate.shoot("exhibits")
    advocate.page.locator(".card a").first.click()
    advocate.press("Verify it now")
    advocate.must_see("Intact")
    advocate.shoot("exhibit")


def download(advocate: Visitor, link: str) -> bytes:
    """Follow a download link; its bytes."""
    with advocate.page.expect_download() as waiting:
        advocate.page.get_by_role("link", name=link, exact=True).first.click()
    return waiting.value.path().read_bytes()


def make_notice(advocate: Visitor) -> None:
    """From the exhibit's page to the signed notice; signing too early is refused."""
    advocate.follow("Make a notice")
    advocate.press("Begin the notice")
    advocate.must_see("Still missing before it can be signed")
    advocate.fill(signature_name="Ada Advocate")
    advocate.button("Sign the notice").click()
    advocate.page.locator("#missing").wait_for()
    advocate.must_see("not ticked")
    advocate.shoot("notice-refused")
    advocate.fill(
        nonconsent_facts="The person never agreed to this; it was taken from a private album.",
        contact_name="Ada Advocate",
        contact_email="ada@helpline.example",
    )
    advocate.press("Save")
    assert not advocate.sees("Still missing before it can be signed")
    for box in advocate.page.locator("[name=statement]").all():
        assert not box.is_checked(), "a statement of law was ticked beforehand"
        box.check()
    advocate.fill(signature_name="Ada Advocate")
    advocate.press("Sign the notice")
    advocate.must_see("The signed notice")
    advocate.shoot("notice")


def first_candidate(reviewer: Visitor) -> str:
    """The id of the candidate on top of the queue."""
    reviewer.goto("/candidates")
    reviewer.shoot("queue")
    link = reviewer.page.locator("table a[href^='/candidates/']").first.get_attribute("href")
    assert link is not None
    return link.rpartition("/")[2]


def confirm(reviewer: Visitor, candidate_id: str, *, face: bool) -> None:
    """Look at the face alone, tick the statements, decide; the score comes after."""
    reviewer.goto(f"/candidates/{candidate_id}")
    assert not reviewer.sees("What the search says"), "the score is shown before the decision"
    assert reviewer.page.locator("main img").count() == 0, "a picture is shown unasked"
    if face:
        reviewer.follow("Show the face")
        pictures = reviewer.page.locator("main img")
        assert pictures.count() == 2
        for picture in pictures.all():
            assert picture.evaluate("picture => picture.complete && picture.naturalWidth > 0")
        reviewer.shoot("face-blurred")
        reviewer.follow("Show without blur")
        reviewer.shoot("face")
    reviewer.page.locator("#same").check()
    for box in reviewer.page.locator("[name=statements]").all():
        assert not box.is_checked(), "a statement was ticked beforehand"
        box.check()
    reviewer.press("Record my decision")
    reviewer.shoot("decided")
