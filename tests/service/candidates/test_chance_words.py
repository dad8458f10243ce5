"""What is said of chance: numbers that were shown, never a percentage, nothing of other people."""

from __future__ import annotations

import re

import msgspec
import pytest

from indexer.observations import FaceMatch
from service.candidates.operating_point import OperatingPoint
from service.candidates.words import assessment_of, caution_words, chance_words
from tests.service.candidates.chance_factory import find_face, with_caution
from tests.service.candidates.finds_factory import person_says, reviewer_says
from tests.service.enrolment.people_factory import House, face_finding, make_person


def match(expected: float, **marks: object) -> FaceMatch:
    (face,) = face_finding("00000000-0000-0000-0000-000000000001").faces  # type: ignore[arg-type]
    return msgspec.structs.replace(face, expected_chance_matches=expected, **marks)


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (2.5e-5, "About 1 chance match in 40,000 pictures like these."),
        (1.01e-4, "About 1 chance match in 9,900 pictures like these."),
        (0.3, "About 1 chance match in 3 pictures like these."),
        (0.6, "By chance alone, a match like this is to be expected in every picture or two."),
    ],
)
def test_what_was_measured_is_said_with_two_digits(expected: float, words: str) -> None:
    assert chance_words(match(expected)) == words


def test_what_lies_beyond_the_measured_is_said_as_fewer_than() -> None:
    said = chance_words(match(2.9e-6, chance_is_extrapolated=True))
    assert said == "Fewer than 1 chance match in 340,000 pictures like these."


def test_what_nobody_measured_is_said_to_be_a_guess() -> None:
    said = chance_words(match(1e-3, chance_is_extrapolated=True, chance_is_provisional=True))
    assert said == (
        "How often chance does this was not measured for this model; by a guess: "
        "about 1 chance match in 1,000 pictures like these."
    )


@pytest.mark.parametrize("expected", [1.0, 0.1, 3e-4, 1e-9, 0.0])
def test_no_percentage_and_no_identity_is_ever_said(expected: float) -> None:
    for extrapolated in (False, True):
        said = chance_words(match(expected, chance_is_extrapolated=extrapolated))
        assert not re.search(r"%|per ?cent|probab|identi", said)


def test_only_a_reviewer_is_told_that_somebody_else_is_close() -> None:
    both = match(1e-4, cautions=("another_person_close", "two_faces_match"))
    assert len(caution_words(both, for_reviewer=True)) == 2
    (told,) = caution_words(both, for_reviewer=False)
    assert "enrolled" not in told


def test_a_person_is_told_nothing_of_another_one(house: House) -> None:
    person, case = make_person(house)
    finding = with_caution(face_finding(case.person_id), "another_person_close")
    found = find_face(house, case.person_id, finding=finding)
    assert found is not None
    first, second = house.reviewers
    with house.rooms.database.read() as session:
        undecided = house.rooms.candidates.view(session, first, found)
    assert undecided.assessment is None
    reviewer_says(house, first, found, "same")
    with house.rooms.database.read() as session:
        decided = house.rooms.candidates.view(session, first, found)
    assert decided.assessment is not None
    assert decided.assessment.cautions == (
        "Another enrolled person is nearly as close to this face.",
    )
    reviewer_says(house, second, found, "same")
    person_says(house, person, found, "same")
    with house.rooms.database.read() as session:
        mine = house.rooms.candidates.view(session, person, found)
    assert mine.assessment is not None
    assert mine.assessment.cautions == ()
    assert "enrolled" not in str(mine)


def test_evidence_says_what_chance_does_and_nothing_of_others(house: House) -> None:
    from service.exhibits.examined import summarise
    from tests.service.enrolment.people_factory import examination

    _, case = make_person(house)
    finding = with_caution(face_finding(case.person_id), "another_person_close", "two_faces_match")
    summary = summarise(examination(b"found", finding), str(case.person_id), "found")
    (said,) = summary.matches
    assert "About 1 chance match in 40,000 pictures like these." in said.detail
    assert "Two faces" in said.detail
    assert "enrolled" not in said.detail


def test_nothing_is_assessed_where_nothing_was_found() -> None:
    assert assessment_of(None) is None


def test_an_operator_is_told_when_their_figure_cannot_be_kept_to() -> None:
    kept = OperatingPoint(1.0, 8192, 10, 0.45, 0.9, is_measured=True)
    beyond = OperatingPoint(1.0, 65_536, 4_000, 0.491, 2621.4, is_measured=True)
    assert kept.remark == ""
    assert beyond.remark.startswith(
        "At this size more chance matches than you bear must be expected: about 2,600 a day"
    )
    assert "0.450" in kept.words
    assert "nobody measured" in OperatingPoint(1, 8192, 9, 0.5, 1, is_measured=False).words
