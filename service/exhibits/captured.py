"""What a capture brought, as evidence says it: its parts, what is missing, why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from indexer.crawl.capture_messages import Captured, CapturedResource, CapturedStream
from indexer.observations import Examination
from service.exhibits.documents import CaptureDocument
from service.exhibits.examined import summarise
from service.exhibits.finds import Find
from service.exhibits.manifest import ResourceSummary, StreamSummary

_FINAL_REFUSALS = frozenset(
    {"address_not_public", "out_of_scope", "bad_address", "robots", "too_many_redirects"}
)
_FINAL_OF_STREAMS = _FINAL_REFUSALS | {"bad_playlist", "encrypted", "not_media", "too_large"}
_OTHER_CONTENT = (
    "The captured medium is not byte for byte the one that was found; it was examined again, and "
    "both examinations are recorded."
)
_RENEWED = (
    "The address at which the medium was found was signed and had expired. The medium was captured "
    "from where its page names it now; only the signature differs."
)
_CLIENT_ERRORS, _SERVER_ERRORS = 400, 500
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing was captured; a `final` one is not tried again."""

    code: str
    detail: str
    final: bool


def failure_of(
    resources: tuple[CapturedResource, ...], *, last_attempt: bool = False
) -> Failure | None:
    """Why the medium (or, without one, the page) was not captured; None when it was.

    Of a video whose pieces cannot be had for good, or not by the `last_attempt`, the playlist is
    evidence by itself.
    """
    wanted = resources[-1]
    if wanted.refusal is not None:
        code = wanted.refusal.split(":", 1)[0].strip()[:60]
        return Failure(code, wanted.refusal, code in _FINAL_REFUSALS)
    status = wanted.status
    if status is None or status >= _CLIENT_ERRORS:
        for_good = status is not None and status < _SERVER_ERRORS and status != _TOO_MANY_REQUESTS
        return Failure(f"http_{status}", f"the server answered {status}", for_good)
    if wanted.body_sha256 is None:
        return Failure("no_body", "the server sent no body", final=False)
    refusal = wanted.stream.refusal if wanted.stream is not None else ""
    if refusal and refusal not in _FINAL_OF_STREAMS and not last_attempt:
        return Failure(refusal, "the pieces of the video could not be fetched", final=False)
    return None


def medium_sha256(find: Find, one: CapturedResource) -> str | None:
    """The hash of the medium that was captured: of a video's pieces when they were joined."""
    if role_of(find, one) != "medium":
        return None
    return (one.stream.sha256 if one.stream is not None else "") or one.body_sha256


def medium_bytes(one: CapturedResource) -> int:
    """How large the medium that was captured is."""
    return (one.stream.content_bytes if one.stream is not None else 0) or one.body_bytes


def notes_of(find: Find, captured: Captured, *, keeps_media_bytes: bool) -> tuple[str, ...]:
    """Every defect that must stay visible."""
    notes = ["The clock was not compared with another one before this capture."]
    if find.never_show:
        notes.append(
            "Bodies were not kept: a list of the organisation says that no picture of this is ever "
            "kept. There are only their hashes, with addresses, headers and times."
        )
    elif not keeps_media_bytes:
        notes.append(
            "Bodies were not kept, by the organisation's decision: only their hashes, with "
            "addresses, headers and times."
        )
    for one in captured.resources:
        role = role_of(find, one)
        if one.truncated:
            notes.append(f"The {role} is incomplete: it ended early or was cut at the size limit.")
        notes += _stream_notes(one.stream)
        if one.renewed:
            notes.append(_RENEWED)
        if one.refusal is not None:
            code = one.refusal.split(":", 1)[0]
            notes.append(f"The {role} could not be captured ({code}).")
        elif one.status is not None and one.status >= _CLIENT_ERRORS:
            notes.append(f"The server answered {one.status} when asked for the {role}.")
    if role_of(find, captured.resources[-1]) == "page":
        notes.append("Only the page was captured: no address of a medium is known.")
    return tuple(notes)


def _stream_notes(stream: CapturedStream | None) -> list[str]:
    if stream is None:
        return []
    if stream.refusal:
        return [f"Of the video only its playlist was captured: no pieces ({stream.refusal})."]
    number = len(stream.pieces)
    said = [
        f"The video came in {number} pieces, all in the capture; the medium is what they are "
        "together, joined in the manifest's order."
        if number > 1
        else "The video came behind a playlist; both are in the capture."
    ]
    if stream.left_out:
        said.append(f"The video was captured in part: {stream.left_out}.")
    return said


def with_examination(
    document: CaptureDocument, find: Find, examination: Examination
) -> CaptureDocument:
    """What was captured instead of what was found, beside it."""
    notes = document.notes
    found = find.examination
    if found is not None and found.hashes.sha256 != examination.hashes.sha256:
        notes = (*notes, _OTHER_CONTENT)
    summary = summarise(examination, str(find.person_id), "captured")
    return msgspec.structs.replace(
        document, examinations=(*document.examinations, summary), notes=notes
    )


def role_of(find: Find, one: CapturedResource) -> Literal["page", "medium"]:
    """A person may paste a page where we ask for a medium: what came says which it is."""
    if one.stream is not None and one.url == find.media_url:
        return "medium"
    kind = (one.content_type or "").split(";", 1)[0].strip().lower()
    is_page = kind in ("text/html", "application/xhtml+xml")
    return "medium" if one.url == find.media_url and not is_page else "page"


def resource_of(find: Find, one: CapturedResource) -> ResourceSummary:
    """One captured address, as evidence writes it down."""
    told = msgspec.structs.asdict(one)
    told["stream"] = msgspec.convert(one.stream, StreamSummary | None, from_attributes=True)
    return ResourceSummary(role=role_of(find, one), **told)
