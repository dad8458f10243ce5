"""When a video shows the person: in words, on every page that speaks of the find."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from indexer.observations import FaceMatch, PersonFinding, Shown
from service.candidates.words import shown_words
from service.exhibits.examined import summarise
from tests.service.candidates.finds_factory import record, sees_medium
from tests.service.candidates.test_candidate_pages import sign_in
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import (
    House,
    examination,
    face_finding,
    make_person,
    no_trace,
)

TIMES = (Shown(42_100, 47_000), Shown(190_000, 190_400))


def finding(*shown: Shown) -> PersonFinding:
    return PersonFinding("p", (), (), no_trace(), shown)


def in_a_video(of: PersonFinding) -> PersonFinding:
    times: dict[str, Any] = {"at_ms": 43_500, "from_ms": 42_100, "to_ms": 47_000, "frames": 6}
    faces: list[FaceMatch] = [msgspec.structs.replace(match, **times) for match in of.faces]
    return msgspec.structs.replace(of, faces=tuple(faces), shown=TIMES)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ((), ""),
        ((Shown(0, 400),), "shown at 0:00"),
        (TIMES, "shown from 0:42 to 0:47 and at 3:10"),
        (
            (*TIMES, Shown(3_725_000, 3_727_000)),
            "shown from 0:42 to 0:47, at 3:10 and from 1:02:05 to 1:02:07",
        ),
    ],
)
def test_times_are_said_as_players_show_them(shown: tuple[Shown, ...], words: str) -> None:
    assert shown_words(finding(*shown)) == words


def test_many_times_are_counted() -> None:
    many = tuple(Shown(at * 10_000, at * 10_000) for at in range(7))
    assert shown_words(finding(*many)).endswith("at 0:40 and 2 more times after that")
    assert shown_words(finding(*many[:6])).endswith("and once more after that")
    assert shown_words(None) == ""


def test_a_reviewer_and_the_person_read_where_in_the_video_it_is_and_see_no_picture(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house)
    content = b"a video"
    found = in_a_video(face_finding(case.person_id))
    (candidate_id,) = record(house, sees_medium(house, content), content, found)
    for actor, path in (
        (house.reviewers[0], f"/candidates/{candidate_id}"),
        (person, f"/my/finds/{candidate_id}"),
    ):
        sign_in(house, browser, actor)
        words = browser.open(path)
        assert "shown from 0:42 to 0:47 and at 3:10" in words
        assert not browser.page.xpath("//img")
        assert "chance match" not in words


def test_an_exhibit_says_the_times_and_no_place_of_a_face(house: House) -> None:
    _, case = make_person(house)
    found = in_a_video(face_finding(case.person_id))
    summary = summarise(examination(b"a video", found), str(case.person_id), "found")
    (match,) = summary.matches
    assert match.detail.startswith(
        "frame 0, at 0:43, one of 6 frames looked at that show it, the person is shown from 0:42 "
        "to 0:47 and at 3:10. "
    )
    still = summarise(
        examination(b"a picture", face_finding(case.person_id)), str(case.person_id), "found"
    )
    assert still.matches[0].detail.startswith("frame 0. ")


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)
