"""From an `Examination` to what evidence says of it: no box, no crop, nothing of anybody else."""

from __future__ import annotations

from typing import Literal

from indexer.observations import Examination, FaceMatch, HashMatch, PersonFinding
from service.candidates.words import caution_words, chance_words, moment_words, shown_words
from service.exhibits.manifest import ExaminationSummary, MatchSummary


def summarise(
    examination: Examination, person_ref: str, of: Literal["found", "captured"]
) -> ExaminationSummary:
    """What the examination says about one person, without any picture or place of a face."""
    mine = [finding for finding in examination.findings if finding.person_ref == person_ref]
    finding = mine[0] if mine else None
    model = examination.model
    return ExaminationSummary(
        of=of,
        content_sha256=examination.hashes.sha256,
        pdq=examination.hashes.pdq,
        kind=examination.kind,
        width_px=examination.width_px,
        height_px=examination.height_px,
        model_pack=model.pack if model else None,
        model_digest=model.digest if model else None,
        preprocessing=model.preprocessing if model else None,
        matches=_matches(finding),
        manipulation_band=finding.manipulation.band if finding else None,
        manipulation_reasons=finding.manipulation.reasons if finding else (),
        refusal=examination.refusal.code if examination.refusal else None,
    )


def was_looked_at(examination: Examination) -> bool:
    """Whether eyes saw it, or tried to: what was only looked up by its hash they did not."""
    return examination.frames_examined > 0 or examination.refusal is not None


def _matches(finding: PersonFinding | None) -> tuple[MatchSummary, ...]:
    if finding is None:
        return ()
    shown = shown_words(finding)
    return (*(_face(match, shown) for match in finding.faces), *map(_hash, finding.hashes))


def _face(match: FaceMatch, shown: str) -> MatchSummary:
    return MatchSummary(
        kind="face",
        band=match.band,
        similarity=round(match.similarity, 4),
        threshold=round(match.threshold, 4),
        expected_chance_matches=match.expected_chance_matches,
        detail=f"{_place_words(match, shown)}. {' '.join(_said(match))}",
    )


def _place_words(match: FaceMatch, shown: str) -> str:
    """In which frame, and when; of a face that goes on also how long, and when there are more."""
    said = [f"frame {match.frame_index}"]
    if match.at_ms is not None:
        said.append(f"at {moment_words(match.at_ms)}")
    if match.frames > 1:
        said.append(f"one of {match.frames} frames looked at that show it")
    if shown:
        said.append(f"the person is {shown}")
    return ", ".join(said)


def _said(match: FaceMatch) -> tuple[str, ...]:
    """What chance does, and why a band was lowered; nothing of other enrolled people."""
    return (chance_words(match), *caution_words(match, for_reviewer=False))


def _hash(match: HashMatch) -> MatchSummary:
    return MatchSummary(
        kind="hash",
        band=match.band,
        similarity=None,
        threshold=None,
        expected_chance_matches=None,
        detail=f"{match.kind}, distance {match.distance}, {match.orientation}",
    )
