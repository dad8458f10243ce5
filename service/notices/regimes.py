"""The registry of laws under which notices are made: dated, sourced, and honest about its gaps.

Each claim carries a mark: "V" was read in the primary text, "S" only in a secondary source. What
is not "V" is shown to people as not verified against the primary text. Wording of statements is
fixed here; it is ticked by the signer, one by one, and never generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from service.notices.errors import UnknownRegimeError

Mark = Literal["V", "S"]
ElementKind = Literal["signature", "items", "statements", "facts", "contact"]

VERIFIED_ON = date(2026, 11, 23)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that we say of the law, where it is written, and whether we read it there."""

    words: str
    source: str
    mark: Mark

    @property
    def mark_words(self) -> str:
        """The mark for people."""
        if self.mark == "V":
            return "read in the primary text"
        return "not verified against the primary text"


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that the law wants in the notice."""

    id: str
    kind: ElementKind
    title: str
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class StatementText:
    """One sentence that the signer ticks: as the individual, or as acting for them.

    `by_self` None: not asked of the individual.
    """

    id: str
    element: str
    by_agent: str
    by_self: str | None
    source: str

    def wording(self, *, as_agent: bool) -> str | None:
        """The sentence for this kind of signer; None when it is not asked of them."""
        return self.by_agent if as_agent else self.by_self


@dataclass(frozen=True, slots=True)
class Regime:
    """One law or policy route, as of `verified_on`."""

    id: str
    version: str
    name: str
    citation: str
    source: str
    in_force_from: date
    verified_on: date
    elements: tuple[Element, ...]
    statements: tuple[StatementText, ...]
    duty: tuple[Claim, ...]
    cautions: tuple[Claim, ...]
    removal_within: timedelta
    request: str

    def element(self, element_id: str) -> Element:
        """One element by its id."""
        return next(element for element in self.elements if element.id == element_id)

    def statements_for(self, *, as_agent: bool) -> tuple[StatementText, ...]:
        """The sentences that this kind of signer has to tick."""
        return tuple(
            statement
            for statement in self.statements
            if statement.wording(as_agent=as_agent) is not None
        )


_ACT = "47 U.S.C. 223a"

US_TAKE_IT_DOWN = Regime(
    id="us-take-it-down",
    version="2026-11-23",
    name="TAKE IT DOWN Act: notice and request for removal",
    citation=f"{_ACT}(a)(1)(B), Pub. L. 119-12 section 3",
    source="uscode.house.gov, 47 U.S.C. 223a(a)(1); bill text of Pub. L. 119-12 for the rest",
    in_force_from=date(2026, 5, 19),
    verified_on=VERIFIED_ON,
    elements=(
        Element(
            "items",
            "items",
            "What it is and where it is",
            "Identification of the depiction and information reasonably sufficient to locate it: "
            "one item for each address.",
            f"{_ACT}(a)(1)(B)(ii)",
        ),
        Element(
            "nonconsent_facts",
            "facts",
            "Why it is not consensual",
            "Relevant information from which the platform can determine that the depiction was "
            "published without consent. Briefly, in your own words.",
            f"{_ACT}(a)(1)(B)(iii)",
        ),
        Element(
            "contact",
            "contact",
            "How to reach the individual, or who acts for them",
            "A name and an e-mail address or telephone number. The advocate's own is enough.",
            f"{_ACT}(a)(1)(B)(iv)",
        ),
        Element(
            "statements",
            "statements",
            "The signer's statements",
            "Each one is ticked by the signer when signing.",
            f"{_ACT}(a)(1)(B)(iii)",
        ),
        Element(
            "signature",
            "signature",
            "Signature",
            "Physical or electronic signature of the individual, or of an authorised person acting "
            "on their behalf.",
            f"{_ACT}(a)(1)(B)(i)",
        ),
    ),
    statements=(
        StatementText(
            id="depicted",
            element="statements",
            by_agent="Each item identified in this notice is an intimate visual depiction that "
            "includes a depiction of the identifiable individual on whose behalf I act.",
            by_self="Each item identified in this notice is an intimate visual depiction that "
            "includes a depiction of me.",
            source=f"{_ACT}(a)(1)(A)(i)",
        ),
        StatementText(
            id="not_consensual",
            element="statements",
            by_agent="The identifiable individual has a good faith belief that each intimate "
            "visual depiction identified in this notice is not consensual: it was published "
            "without their consent.",
            by_self="I have a good faith belief that each intimate visual depiction identified in "
            "this notice is not consensual: it was published without my consent.",
            source=f"{_ACT}(a)(1)(B)(iii)",
        ),
        StatementText(
            id="authorised",
            element="signature",
            by_agent="I am authorised to act on behalf of the identifiable individual in giving "
            "this notice and requesting removal.",
            by_self=None,
            source=f"{_ACT}(a)(1)(B)(i)",
        ),
    ),
    duty=(
        Claim(
            "The platform removes the depiction as soon as possible, but not later than 48 hours "
            "after receiving the request.",
            f"{_ACT}(a)(3)(A)",
            "V",
        ),
        Claim(
            "It makes reasonable efforts to identify and remove any known identical copies of the "
            "depiction. Near-duplicates are not meant: list the address of every copy.",
            f"{_ACT}(a)(3)(B)",
            "V",
        ),
        Claim(
            "The duty is enforced by the Federal Trade Commission since 19 May 2026; complaints "
            "go to TakeItDown.ftc.gov.",
            "secondary sources",
            "S",
        ),
    ),
    cautions=(
        Claim(
            "Covered platforms serve the public and are primarily a forum for user-generated "
            "content, or regularly publish or host non-consensual intimate depictions in their "
            "trade or business. Internet access, e-mail, and sites of mainly preselected content "
            "are not covered (the last unless the second limb applies).",
            f"{_ACT}(a); definition of covered platform",
            "V",
        ),
        Claim(
            "A digital forgery is meant only if a reasonable person, viewing it as a whole, finds "
            "it indistinguishable from an authentic depiction. Visibly fake or drawn content is "
            "not: use the platform's own policy, or a route of another law.",
            "47 U.S.C. 223(h)(1)",
            "V",
        ),
        Claim(
            "The individual must be identifiable: in whole or in part, with face, likeness or "
            "another distinguishing characteristic (such as a birthmark) displayed.",
            "47 U.S.C. 223(h)(1)",
            "V",
        ),
        Claim(
            "Having agreed to the making of a picture is not consent to its publication.",
            "47 U.S.C. 223(h)(5)",
            "V",
        ),
        Claim(
            "Send it through the platform's own process for these requests: the 48 hours run from "
            "when it receives the request.",
            f"{_ACT}(a)(1)(A), (a)(3)",
            "V",
        ),
    ),
    removal_within=timedelta(hours=48),
    request="Please remove each item listed here as soon as possible and not later than 48 hours "
    "after receiving this request, and make reasonable efforts to identify and remove any known "
    "identical copies (47 U.S.C. 223a(a)(3)).",
)

REGIMES: dict[str, Regime] = {US_TAKE_IT_DOWN.id: US_TAKE_IT_DOWN}


def regime_of(regime_id: str) -> Regime:
    """A regime by its id; `UnknownRegimeError` names those that there are."""
    found = REGIMES.get(regime_id)
    if found is None:
        known = ", ".join(sorted(REGIMES))
        raise UnknownRegimeError(f"There is no regime {regime_id!r}; known ones: {known}.")
    return found
