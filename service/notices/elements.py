"""Which of a law's elements a notice lacks: pure, complete, and the same for page, API and signing.

A draft always lacks its signature and statements: these are given at signing, all at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.notices.documents import NoticeDocument

if TYPE_CHECKING:
    from service.notices.regimes import Element, Regime

MIN_FACTS_CHARS = 15
_MIN_NAME_CHARS = 3
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_MIN_PHONE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class MissingElement:
    """One thing that is not there yet, with the rule that wants it."""

    id: str
    title: str
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Signing:
    """What the signer gives when signing: who they are, and the sentences that they ticked."""

    name: str
    as_agent: bool
    ticked: frozenset[str]
    has_authority: bool


def missing_elements(
    regime: Regime, document: NoticeDocument, signing: Signing | None
) -> tuple[MissingElement, ...]:
    """Every element that is missing, in the law's order; empty when the notice is complete."""
    checks: dict[str, Callable[[Element], list[MissingElement]]] = {
        "items": lambda element: _items(element, document),
        "facts": lambda element: _facts(element, document),
        "contact": lambda element: _contact(element, document),
        "statements": lambda element: _statements(element, regime, signing),
        "signature": lambda element: _signature(element, regime, signing),
    }
    return tuple(one for element in regime.elements for one in checks[element.kind](element))


def _one(element: Element, words: str, part: str = "") -> MissingElement:
    return MissingElement(
        f"{element.id}.{part}" if part else element.id, element.title, words, element.source
    )


def _items(element: Element, document: NoticeDocument) -> list[MissingElement]:
    if not document.items:
        return [_one(element, "no address is listed")]
    return [
        _one(element, f"item {number} has no address", str(number))
        for number, item in enumerate(document.items, start=1)
        if not (item.media_url or item.page_url)
    ]


def _facts(element: Element, document: NoticeDocument) -> list[MissingElement]:
    if len(document.nonconsent_facts.strip()) >= MIN_FACTS_CHARS:
        return []
    return [_one(element, "write in a sentence or two why it was published without consent")]


def _contact(element: Element, document: NoticeDocument) -> list[MissingElement]:
    contact = document.contact
    missing = []
    if len(contact.name.strip()) < _MIN_NAME_CHARS:
        missing.append(_one(element, "a name for the contact", "name"))
    digits = sum(letter.isdigit() for letter in contact.phone)
    if _EMAIL.fullmatch(contact.email.strip()) is None and digits < _MIN_PHONE_DIGITS:
        missing.append(_one(element, "an e-mail address or a telephone number", "reach"))
    return missing


def _statements(element: Element, regime: Regime, signing: Signing | None) -> list[MissingElement]:
    return _unticked(element, regime, signing)


def _signature(element: Element, regime: Regime, signing: Signing | None) -> list[MissingElement]:
    missing = _unticked(element, regime, signing)
    if signing is None or len(signing.name.strip()) < _MIN_NAME_CHARS:
        missing.append(_one(element, "the signer's full name, typed by the signer", "name"))
    if signing is not None and signing.as_agent and not signing.has_authority:
        missing.append(_one(element, "a live mandate to act for the individual", "authority"))
    return missing


def _unticked(element: Element, regime: Regime, signing: Signing | None) -> list[MissingElement]:
    if signing is None:
        any_signer = [one for one in regime.statements if one.element == element.id]
        return [_one(element, "given when signing", "ticks")] if any_signer else []
    wanted = regime.statements_for(as_agent=signing.as_agent)
    return [
        _one(element, f"not ticked: “{statement.wording(as_agent=signing.as_agent)}”", statement.id)
        for statement in wanted
        if statement.element == element.id and statement.id not in signing.ticked
    ]
