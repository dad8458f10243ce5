"""Questions of several threads to one database, asked in one go.

Whoever comes while another one asks waits, and then asks for all who wait: the more threads there
are, the fewer transactions. Nobody waits longer than for the one that is under way and their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Asked(Generic[Question, Answer]):
    question: Question
    answers: list[Answer]


class AskedTogether(Generic[Question, Answer]):
    """Thread-safe. `ask` answers questions in their order; one thread at a time calls it."""

    def __init__(self, ask: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._ask = ask
        self._turn = threading.Lock()
        self._gate = threading.Lock()
        self._waiting: list[_Asked[Question, Answer]] = []

    def answer(self, question: Question) -> Answer:
        """The answer, as of a moment after the call. Raises what `ask` raised for this caller; the
        others of the same go ask again.
        """
        asked: _Asked[Question, Answer] = _Asked(question, [])
        with self._gate:
            self._waiting.append(asked)
        with self._turn:
            if not asked.answers:
                self._answer_all(asked)
        return asked.answers[0]

    def _answer_all(self, mine: _Asked[Question, Answer]) -> None:
        with self._gate:
            waiting, self._waiting = self._waiting, []
        try:
            answers = self._ask([each.question for each in waiting])
        except BaseException:
            with self._gate:
                self._waiting += [each for each in waiting if each is not mine]
            raise
        for each, answer in zip(waiting, answers, strict=True):
            each.answers.append(answer)
