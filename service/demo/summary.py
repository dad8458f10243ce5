"""What the demo found, as it is written to `summary.json`, and whether that was right.

`judge` compares each medium with what its site declared beforehand; on a site of the user's own
pictures nothing is declared, so nothing is judged there but the stages themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from service.demo.planned import Expected, Planned


class Find(msgspec.Struct, frozen=True):
    """One kind of find in one medium. `similarity` is a cosine, `distance` a number of bits."""

    kind: str
    similarity: float | None = None
    distance: int | None = None
    expected_chance_matches: float | None = None


class MediumOutcome(msgspec.Struct, frozen=True):
    """What happened to one address of a medium."""

    file: str
    url: str
    what: str
    finds: tuple[Find, ...] = ()
    manipulation: str | None = None
    refusal: str | None = None
    refusal_message: str | None = None
    seen: bool = False
    problem: str | None = None


class PageOutcome(msgspec.Struct, frozen=True):
    """What happened to one page."""

    url: str
    state: str
    refusal: str | None = None
    refusal_message: str | None = None
    problem: str | None = None


class ExhibitOutcome(msgspec.Struct, frozen=True):
    """The sealed bundle and what verifying it said, whole and spoiled."""

    path: str
    exhibit_id: str
    signer_fingerprint: str
    verified_with_trust: str
    verified_without_trust: str
    verified_with_a_flipped_byte: str
    flipped_byte_says: tuple[str, ...]


class NoticeOutcome(msgspec.Struct, frozen=True):
    """The notice: what was missing at first, and where the signed one is."""

    pdf_path: str
    json_path: str
    missing_at_first: tuple[str, ...]
    refused_while_incomplete: bool


class Speed(msgspec.Struct, frozen=True):
    """How quick the run was, and the most memory that the whole tree of processes held."""

    pages_per_s: float
    pictures_per_s: float
    pages: int
    pictures: int
    crawl_seconds: float
    peak_memory_bytes: int


class Totals(msgspec.Struct, frozen=True):
    """Counts over all media."""

    media: int
    seen: int
    with_finds: int
    refused: int
    candidates: int
    confirmed: int
    dismissed: int
    exhibits: int


class DemoSummary(msgspec.Struct, frozen=True):
    """Everything that the demo says of itself."""

    succeeded: bool
    problems: tuple[str, ...]
    failed_stage: str | None
    site: str
    references_accepted: int
    references_refused: tuple[str, ...]
    media: tuple[MediumOutcome, ...]
    pages: tuple[PageOutcome, ...]
    totals: Totals | None
    brought_link: str | None
    exhibits: tuple[ExhibitOutcome, ...]
    notice: NoticeOutcome | None
    reports: tuple[str, ...]
    audit_entries: int
    audit_intact: bool | None
    seconds: dict[str, float]
    speed: Speed | None


def judge(item: Planned, outcome: MediumOutcome, asked: int) -> str | None:
    """What is wrong with an outcome in words, or None when it is as declared.

    `asked` is how often the site was asked for the address.
    """
    expected = item.expected
    if expected is None:
        return None
    if not expected.requested and (asked or outcome.seen):
        return f"it was asked for {asked} times"
    if expected.refusals or not expected.requested:
        wrong = bool(expected.refusals) and outcome.refusal not in expected.refusals
        return f"not refused as it should be (said: {outcome.refusal})" if wrong else None
    return _wrong_look(outcome) or _wrong_find(expected, outcome)


def _wrong_look(outcome: MediumOutcome) -> str | None:
    if outcome.refusal is not None:
        return f"refused as {outcome.refusal}: {outcome.refusal_message}"
    return None if outcome.seen else "not looked at"


def _wrong_find(expected: Expected, outcome: MediumOutcome) -> str | None:
    kinds = {find.kind for find in outcome.finds}
    if expected.found_by - kinds:
        return f"not found by {' and '.join(sorted(expected.found_by - kinds))}"
    if not expected.found_by and kinds:
        return f"somebody was found in it by {' and '.join(sorted(kinds))}"
    if expected.bands and outcome.manipulation not in expected.bands:
        return f"manipulation finding is {outcome.manipulation}"
    return None


def problems_of(outcomes: Iterable[MediumOutcome | PageOutcome]) -> tuple[str, ...]:
    """The problems of all outcomes, each with its address."""
    return tuple(f"{outcome.url}: {outcome.problem}" for outcome in outcomes if outcome.problem)
