"""What a candidate's figures are called: fixed words, never a percentage, never "authentic"."""

from __future__ import annotations

from indexer.observations import (
    DeclaredFact,
    Examination,
    FaceMatch,
    HashMatch,
    ManipulationFinding,
    PersonFinding,
    Shown,
)
from service.candidates.statements import MATCH_SENTENCE
from service.candidates.views import Assessment

_SIMILARITY = {
    "strong": "The faces are very similar.",
    "moderate": "The faces are similar.",
    "weak": "The faces are somewhat similar.",
}
MANIPULATION_WORDS = {
    "strong_signs": "Signs of manipulation: strong support",
    "moderate_signs": "Signs of manipulation: moderate support",
    "weak_signs": "Signs of manipulation: weak support",
    "inconclusive": "Signs of manipulation: inconclusive",
    "no_trace_found": "No trace of manipulation found. That does not mean that it is authentic.",
    "not_assessable": "Manipulation could not be assessed.",
}
_MEDIUM = {
    "still": "picture",
    "animation": "moving picture",
    "video": "video",
    "unreadable": "file",
}
_CAUTIONS = {
    "another_person_close": "Another enrolled person is nearly as close to this face.",
    "two_faces_match": "Two faces of one picture match this person; at most one of them can be "
    "theirs, unless it is a collage or a mirror.",
}
_MANY = 10_000_000
_TIMES_SAID = 5
"""So many times a video shows somebody are said one by one."""
_PROVISIONAL = "How often chance does this was not measured for this model; by a guess: "


def was_only_looked_up(examination: Examination) -> bool:
    """Whether it was found by the hash that was kept of it, and nobody's eyes have seen it yet."""
    return examination.frames_examined == 0 and examination.refusal is None


def medium_words(examination: Examination | None) -> str:
    """What kind of thing was found."""
    return "link" if examination is None else _MEDIUM[examination.kind]


def chance_words(match: FaceMatch) -> str:
    """How often chance alone would do this, for a picture like this one.

    Beyond what was measured it is the most that there may be: "fewer than".
    """
    if match.chance_is_provisional:
        return f"{_PROVISIONAL}{_chance(match.expected_chance_matches, 'about')}"
    how = "fewer than" if match.chance_is_extrapolated else "about"
    said = _chance(match.expected_chance_matches, how)
    return f"{said[0].upper()}{said[1:]}"


def _chance(expected: float, how: str) -> str:
    if expected >= 0.5:
        return "by chance alone, a match like this is to be expected in every picture or two."
    one_in = round(1 / expected) if expected > 0 else _MANY
    magnitude = 10 ** max(0, len(str(one_in)) - 2)
    # what is claimed is never rarer than what was measured
    return f"{how} 1 chance match in {one_in // magnitude * magnitude:,} pictures like these."


def caution_words(match: FaceMatch, *, for_reviewer: bool) -> tuple[str, ...]:
    """Why a band was lowered; of other enrolled people nothing is said to anybody but reviewers."""
    return tuple(
        _CAUTIONS[caution]
        for caution in match.cautions
        if for_reviewer or caution != "another_person_close"
    )


def copy_words(match: HashMatch) -> str:
    """How a medium is a copy of a known picture or video, or holds one."""
    if match.kind == "sha256":
        return "Byte for byte the same file as one known to show the person."
    turned = "" if match.orientation == "upright" else f", turned or mirrored ({match.orientation})"
    if match.kind == "vpdq":
        return (
            f"By the perceptual hashes of its moments a copy or a part of a video known to show "
            f"the person, or a video that holds it{turned}. {_share_words(match)}"
        )
    if match.kind == "pdq_part":
        return (
            f"By the perceptual hashes of its parts it shows {_part_words(match, turned)}: in the "
            f"closest parts {match.distance} of 256 bits differ."
        )
    where = "" if match.at_ms is None else f", at {moment_words(match.at_ms)} in the video"
    return (
        f"By its perceptual hash a copy of a picture known to show the person{turned}{where}: "
        f"{match.distance} of 256 bits differ."
    )


def _part_words(match: HashMatch, turned: str) -> str:
    """How a known picture lies in a medium that shares parts with it."""
    known = f"a picture known to show the person{turned}"
    if match.part == "cut_out":
        return f"a cut-out of {known}, about {_of_100(match.known_share)} of 100 of its area"
    fills = f"where it fills about {_of_100(match.medium_share)} of 100 of the area"
    if match.part == "inside_border":
        return f"{known} inside a frame or between bars, {fills}"
    if match.part == "panel":
        around = "(a collage, a screenshot, text beside it)"
        return f"{known} as part of a larger picture {around}, {fills}"
    return f"{known} that was changed, or had something put over it"


def moment_words(at_ms: int) -> str:
    """A place in a video, as players show it."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def shown_words(finding: PersonFinding | None) -> str:
    """When a video or an animation shows the person, as far as it was looked at; else empty."""
    if finding is None or not finding.shown:
        return ""
    times = [_time_words(each) for each in finding.shown]
    more = len(times) - _TIMES_SAID
    if more > 0:
        again = "once more" if more == 1 else f"{more} more times"
        times = [*times[:_TIMES_SAID], f"{again} after that"]
    if len(times) == 1:
        return f"shown {times[0]}"
    return f"shown {', '.join(times[:-1])} and {times[-1]}"


def _time_words(shown: Shown) -> str:
    begin, end = moment_words(shown.from_ms), moment_words(shown.to_ms)
    return f"at {begin}" if begin == end else f"from {begin} to {end}"


def looked_words(examination: Examination | None) -> tuple[str, ...]:
    """How much of a video was looked at, and what of any medium was not."""
    if examination is None:
        return ()
    said = []
    if examination.kind == "video":
        looked, of = moment_words(examination.looked_ms), moment_words(examination.duration_ms)
        frames = f"{examination.frames_examined} of its {examination.frames_total} frames"
        said.append(f"Looked at {looked} of {of}, in {frames}.")
    if examination.left_out:
        said.append(f"{examination.left_out[0].upper()}{examination.left_out[1:]}.")
    return tuple(said)


def _share_words(match: HashMatch) -> str:
    """Shares as counts of moments: they are no likelihood of anything."""
    known, medium = _of_100(match.known_share), _of_100(match.medium_share)
    return (
        f"About {known} of 100 of the known video's sampled moments are in this one; "
        f"about {medium} of 100 of this one's are in the known video."
    )


def _of_100(share: float | None) -> int:
    """A share that is there is never rounded to nothing."""
    return 0 if not share else max(1, round(share * 100))


def assessment_of(
    finding: PersonFinding | None,
    examination: Examination | None = None,
    *,
    for_reviewer: bool = False,
) -> Assessment | None:
    """All that the search said of one person in one medium, in words; with the `examination`, also
    how much of the medium was looked at.
    """
    if finding is None:
        return None
    best = best_face(finding.faces)
    manipulation = finding.manipulation
    return Assessment(
        sentence=MATCH_SENTENCE,
        similarity=_SIMILARITY[best.band] if best else "",
        chance=chance_words(best) if best else "",
        cautions=caution_words(best, for_reviewer=for_reviewer) if best else (),
        copies=tuple(copy_words(match) for match in finding.hashes),
        manipulation=manipulation_words(manipulation),
        manipulation_reasons=manipulation.reasons,
        declared=tuple(_declared(fact) for fact in manipulation.declared),
        not_looked_at=manipulation.parts_not_looked_at,
        looked=looked_words(examination),
    )


def manipulation_words(finding: ManipulationFinding) -> str:
    """The band of a manipulation finding."""
    return MANIPULATION_WORDS[finding.band]


def best_face(faces: tuple[FaceMatch, ...]) -> FaceMatch | None:
    """The most similar of the matched faces."""
    return max(faces, key=lambda face: face.similarity, default=None)


def waits_for_words(*, needs_reviewer: bool, needs_person: bool, reviewer: str) -> str:
    """Whose word is missing. `reviewer` is what the reviewer is called in this place."""
    if needs_reviewer and needs_person:
        return f"{reviewer} and the person"
    if needs_reviewer:
        return reviewer
    return "the person" if needs_person else "nobody"


def _declared(fact: DeclaredFact) -> str:
    validated = f" ({fact.validation})" if fact.validation else ""
    return f"The file says of itself: {fact.name} = {fact.value}{validated}"
