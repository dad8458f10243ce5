"""What stands behind a wall was not looked at, and no report calls it clean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexer.crawl.messages import FetchRefused, FoundLink, PageSeen, WallSign
from service.reports.words import conclusion
from service.sources.views import RunOutcome
from service.sources.words import REASON_WORDS
from service.work.judgement import judge
from service.work.walls import Walls, code_of_refusal

FINE = RunOutcome(
    pages_done=20, media_done=50, pages_waiting=0, waiting=0, refusals=(), starts_refused=0,
    canaries_lost=0,
)  # fmt: skip


LOGIN_SIGNS = (WallSign("login", "title"), WallSign("", "short"))


def page(
    *signs: WallSign, url: str = "http://f.example/a", media: int = 0, digest: str = ""
) -> PageSeen:
    links = tuple(FoundLink(f"http://f.example/{n}.png", "medium", "img") for n in range(media))
    return PageSeen(
        "t",
        url,
        url,
        200,
        "Forum",
        links,
        0,
        10,
        "2027-03-01T09:00:00Z",
        wall_signs=signs,
        words_digest=digest,
    )


def test_two_signs_make_a_wall_and_one_does_not() -> None:
    assert Walls().code_of(page(*LOGIN_SIGNS)) == "wall_login"
    assert Walls().code_of(page(LOGIN_SIGNS[0])) is None
    assert Walls().code_of(page()) is None


def test_the_same_words_at_many_addresses_are_a_sign() -> None:
    walls = Walls()
    form = WallSign("login", "form")
    codes = [walls.code_of(page(form, digest="d")) for _ in range(5)]
    assert codes == [None, None, None, "wall_login", "wall_login"]
    assert walls.code_of(page(form, digest="another")) is None
    assert [walls.code_of(page(digest="e")) for _ in range(5)] == [None] * 5, "alike is no wall"


def test_no_media_where_there_were_some_is_a_sign() -> None:
    markup = WallSign("consent", "markup")
    assert Walls().code_of(page(markup), media_before=9) == "wall_consent"
    assert Walls().code_of(page(markup), media_before=1) is None
    assert Walls().code_of(page(markup, media=1), media_before=9) is None
    assert Walls().code_of(page(), media_before=9) is None, "media may be gone"


@pytest.mark.parametrize(
    "address",
    [
        "http://f.example/threads/5/reply",
        "http://f.example/posting.php?mode=reply&t=3",
        "http://f.example/register",
        "http://f.example/index.php?action=post;topic=2",
    ],
)
def test_asking_to_log_in_for_writing_hides_nothing(address: str) -> None:
    assert Walls().code_of(page(*LOGIN_SIGNS, url=address)) == "action_needs_login"
    assert REASON_WORDS["action_needs_login"]


@pytest.mark.parametrize(
    ("status", "wall"),
    [(401, "wall_login"), (403, "wall_forbidden"), (429, "wall_busy"), (404, None), (500, None)],
)
def test_a_wall_is_told_by_the_status(status: int, wall: str | None) -> None:
    refused = FetchRefused("t", "http://f.example/a", "http_status", "no", status)
    assert code_of_refusal(refused) == wall


def test_what_a_refused_page_shows_says_more_than_its_status() -> None:
    refused = FetchRefused("t", "http://f.example/a", "http_status", "no", 403, wall="challenge")
    assert code_of_refusal(refused) == "wall_challenge"


@pytest.mark.parametrize("kind", ["challenge", "login", "age", "consent", "script"])
def test_one_wall_of_many_pages_makes_a_run_blind(kind: str) -> None:
    code = f"wall_{kind}"
    assert REASON_WORDS[code]
    met = judge(replace(FINE, pages_done=99, refusals=(("page", code, 1),)))
    assert (met.state, met.reasons) == ("blind", (code,))


def test_different_walls_are_all_named() -> None:
    refusals = (("page", "wall_login", 1), ("page", "wall_age", 1))
    assert judge(replace(FINE, pages_done=98, refusals=refusals)).reasons == (
        "wall_age",
        "wall_login",
    )


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
        ({"refusals": (("medium", "proxy", 1),)}, "proxy"),
        ({"refusals": (("page", "soft_404", 20),)}, "many_empty"),
        ({"refusals": (("page", "soft_403", 20),)}, "many_refused"),
    ],
)
def test_each_way_of_not_seeing_makes_a_run_blind(changes: dict[str, object], reason: str) -> None:
    judgement = judge(replace(FINE, **changes))
    assert judgement.state == "blind"
    assert reason in judgement.reasons
    assert REASON_WORDS[reason]


def test_single_forbidden_pages_and_missing_media_do_not_make_a_run_blind() -> None:
    refusals = (
        ("page", "wall_forbidden", 1),
        ("page", "robots", 9),
        ("page", "soft_404", 9),
        ("medium", "timeout", 30),
    )
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
