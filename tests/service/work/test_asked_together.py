"""Questions of many threads, asked in one go."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.work.asked_together import AskedTogether


class Asker:
    """Answers with the square; the first go waits until it is let go on."""

    def __init__(self) -> None:
        self.goes: list[list[int]] = []
        self.began = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, questions: Sequence[int]) -> list[int]:
        self.goes.append(list(questions))
        self.began.set()
        assert self.go_on.wait(30)
        if 13 in questions:
            raise ValueError("unlucky")
        return [number * number for number in questions]


@pytest.fixture
def asker() -> Asker:
    return Asker()


def asked_while_another_asks(
    asker: Asker, together: AskedTogether[int, int], numbers: Sequence[int]
) -> list[int | None]:
    """The answers to `numbers`, asked in that order while a first question (0) is under way."""
    with ThreadPoolExecutor(len(numbers) + 1) as threads:
        first = threads.submit(together.answer, 0)
        assert asker.began.wait(30)
        others = []
        for count, number in enumerate(numbers, start=1):
            others.append(threads.submit(together.answer, number))
            while len(together._waiting) < count:
                threading.Event().wait(0.001)
        asker.go_on.set()
        assert first.result(30) == 0
        return [None if each.exception(30) is not None else each.result() for each in others]


def test_who_comes_meanwhile_is_answered_in_one_go(asker: Asker) -> None:
    together = AskedTogether(asker)
    assert asked_while_another_asks(asker, together, [1, 2, 3, 4]) == [1, 4, 9, 16]
    assert asker.goes == [[0], [1, 2, 3, 4]]


def test_a_go_that_fails_fails_for_the_one_who_asked_and_the_others_ask_again(
    asker: Asker,
) -> None:
    together = AskedTogether(asker)
    answers = asked_while_another_asks(asker, together, [2, 13, 3])
    # Who takes the turn fails with the whole go; 13 fails whenever it is asked.
    assert answers[1] is None
    assert {4, 9} >= {answer for answer in answers if answer is not None}
    assert answers.count(None) <= 3
    asker.goes.clear()
    assert together.answer(5) == 25
    assert asker.goes == [[5]], "nothing of those that failed is left"


def test_the_same_question_of_two_is_answered_to_both(asker: Asker) -> None:
    together = AskedTogether(asker)
    assert asked_while_another_asks(asker, together, [7, 7]) == [49, 49]
