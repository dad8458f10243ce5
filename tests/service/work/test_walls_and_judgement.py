"""What stands behind a wall was not looked at, and no report calls it clean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexer.crawl.messages import FetchRefused, FoundLink, PageSeen
from service.reports.words import conclusion
from service.sources.views import RunOutcome
from service.sources.words import REASON_WORDS
from service.work.judgement import judge
from service.work.walls import wall_of, wall_of_refusal

FINE = RunOutcome(
    pages_done=20, media_done=50, pages_waiting=0, waiting=0, refusals=(), starts_refused=0,
    canaries_lost=0,
)  # fmt: skip


def page(
    title: str = "Forum", *, final_url: str = "http://f.example/a", media: int = 0
) -> PageSeen:
    links = tuple(FoundLink(f"http://f.example/{n}.png", "medium", "img") for n in range(media))
    return PageSeen(
        "t", "http://f.example/a", final_url, 200, title, links, 0, 10, "2027-03-01T09:00:00Z"
    )


@pytest.mark.parametrize(
    ("title", "wall"),
    [
        ("Just a moment...", "challenge"),
        ("Attention Required! | Example", "challenge"),
        ("Are you a robot?", "challenge"),
        ("Please log in", "login"),
        ("Sign in - Forum", "login"),
        ("Age Verification", "age"),
        ("Before you continue", "consent"),
        ("My cat and me", None),
        ("How to log into Linux", None),
        ("", None),
    ],
)
def test_a_wall_is_told_by_its_title(title: str, wall: str | None) -> None:
    assert wall_of(page(title)) == wall


def test_a_page_that_shows_media_is_no_wall() -> None:
    assert wall_of(page("Please log in", media=5)) is None


@pytest.mark.parametrize(
    ("path", "wall"),
    [
        ("/login?next=/a", "login"),
        ("/users/sign_in", "login"),
        ("/age-gate", "age"),
        ("/consent", "consent"),
        ("/cdn-cgi/challenge-platform/x", "challenge"),
        ("/b", None),
    ],
)
def test_a_wall_is_told_by_where_a_page_led(path: str, wall: str | None) -> None:
    assert wall_of(page(final_url=f"http://f.example{path}", media=9)) == wall


@pytest.mark.parametrize(
    ("status", "wall"),
    [(401, "login"), (403, "forbidden"), (429, "busy"), (404, None), (500, None)],
)
def test_a_wall_is_told_by_the_status(status: int, wall: str | None) -> None:
    refused = FetchRefused("t", "http://f.example/a", "http_status", "no", status)
    assert wall_of_refusal(refused) == wall


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pages_done": 0}, "no_page"),
        ({"refusals": (("page", "wall_login", 1),)}, "wall_login"),
        ({"refusals": (("page", "wall_challenge", 1),)}, "wall_challenge"),
        ({"canaries_lost": 1}, "canary_lost"),
        ({"starts_refused": 1}, "start_refused"),
        ({"media_without_faces": 1}, "faces_not_looked_for"),
        ({"refusals": (("page", "wall_forbidden", 9),)}, "many_refused"),
    ],
)
def test_each_way_of_not_seeing_makes_a_run_blind(changes: dict[str, object], reason: str) -> None:
    judgement = judge(replace(FINE, **changes))
    assert judgement.state == "blind"
    assert reason in judgement.reasons
    assert REASON_WORDS[reason]


def test_single_forbidden_pages_and_missing_media_do_not_make_a_run_blind() -> None:
    refusals = (("page", "wall_forbidden", 1), ("page", "robots", 30), ("medium", "timeout", 30))
    assert judge(replace(FINE, refusals=refusals)).state == "finished"


def test_an_exhausted_budget_is_said() -> None:
    assert judge(replace(FINE, waiting=5)).reason == "budget"


@pytest.mark.parametrize("state", ["blind", "failed", "cancelled", "running", "paused", "queued"])
def test_nothing_found_is_said_of_finished_runs_only(state: str) -> None:
    words = conclusion(state=state, codes=("no_page",), candidates=0, media_examined=0, faces=True)
    assert "was found" not in words


def test_what_was_not_looked_for_is_said() -> None:
    words = conclusion(state="finished", codes=(), candidates=0, media_examined=3, faces=False)
    assert words.startswith("Nothing new was found in what was looked at.")
    assert "Faces were not looked for" in words
