"""When a candidate is decided, over every order of verdicts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.candidates.resolution import resolve
from service.candidates.statements import Verdict

VERDICTS = st.lists(st.sampled_from(["same", "different", "cannot_tell"]), max_size=6)
PERSON = st.sampled_from([None, "same", "different", "cannot_tell"])
FOUND = st.sampled_from(["face", "hash"])


@given(VERDICTS, PERSON, FOUND)
def test_nothing_found_is_confirmed_without_two_reviewers_and_the_person(
    reviewers: list[Verdict], person: Verdict | None, kind: str
) -> None:
    if resolve(kind, reviewers, person).state == "confirmed":
        assert person == "same"
        assert reviewers.count("same") >= 2
        assert reviewers.count("same") > reviewers.count("different")


@given(VERDICTS, PERSON)
def test_nothing_pointed_to_is_confirmed_without_the_person_and_an_advocate(
    reviewers: list[Verdict], person: Verdict | None
) -> None:
    if resolve("pointed", reviewers, person).state == "confirmed":
        assert person == "same"
        assert "same" in reviewers


@given(VERDICTS, PERSON, st.sampled_from(["face", "hash", "pointed"]))
def test_the_order_never_matters(
    reviewers: list[Verdict], person: Verdict | None, kind: str
) -> None:
    expected = resolve(kind, reviewers, person)
    for order in itertools.islice(itertools.permutations(reviewers), 24):
        assert resolve(kind, order, person) == expected


@given(VERDICTS, st.sampled_from(["face", "hash", "pointed"]))
def test_the_persons_no_is_always_enough(reviewers: list[Verdict], kind: str) -> None:
    assert resolve(kind, reviewers, "different").state == "dismissed"


@given(VERDICTS, PERSON, st.sampled_from(["face", "hash", "pointed"]))
def test_a_sign_of_a_minor_from_anybody_halts(
    reviewers: list[Verdict], person: Verdict | None, kind: str
) -> None:
    assert resolve(kind, [*reviewers, "minor_sign"], person).state == "halted"
    assert resolve(kind, reviewers, "minor_sign").state == "halted"


@pytest.mark.parametrize(
    ("reviewers", "person", "state", "needs_reviewer"),
    [
        (["same", "same"], "same", "confirmed", False),
        (["same", "same"], None, "waiting", False),
        (["same"], "same", "waiting", True),
        (["same", "different"], "same", "waiting", True),
        (["same", "different", "same"], "same", "confirmed", False),
        (["different", "same", "different"], "same", "dismissed", False),
        (["different", "different"], None, "dismissed", False),
        (["cannot_tell", "cannot_tell"], "same", "waiting", True),
        (["same", "cannot_tell", "same"], "same", "confirmed", False),
    ],
)
def test_what_the_search_found(
    reviewers: list[Verdict], person: Verdict | None, state: str, needs_reviewer: bool
) -> None:
    found = resolve("face", reviewers, person)
    assert (found.state, found.needs_reviewer) == (state, needs_reviewer)
