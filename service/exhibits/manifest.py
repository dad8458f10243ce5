"""What a bundle says of itself: the canonical JSON (RFC 8785) that is signed.

1. `Manifest` names every other file of the bundle with its SHA-256 and size, so that one
   signature covers all of them.
2. `manifest_bytes` writes it; `read_manifest` accepts exactly what `manifest_bytes` would write
   and nothing else, so there is one spelling of every manifest.

The manifest holds no name of the depicted person; accounts appear by role and opaque id.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import rfc8785

FORMAT = "likeness-exhibit/1"

MATCH_WORDING = (
    "Automated search returned a candidate match. A similarity score is not an identification or "
    "a probability of identity. Two trained reviewers independently confirmed it; the depicted "
    "person confirmed it."
)
POINTED_WORDING = (
    "The depicted person pointed to this and declared that it shows them; one advocate confirmed. "
    "No similarity score identifies anyone."
)
NAME_WORDING = (
    "Automated search found a name that the depicted person had chosen on this page. A name is not "
    "an identification. Two trained reviewers independently confirmed that the page means the "
    "person; the person confirmed it."
)


def wording_of(kind: str) -> str:
    """The fixed words for how something was found ("face", "hash", "name" or "pointed")."""
    return {"pointed": POINTED_WORDING, "name": NAME_WORDING}.get(kind, MATCH_WORDING)


class ManifestError(ValueError):
    """The bytes are not a manifest in its one canonical form."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class BundleFile(_Part, frozen=True):
    """One file of the bundle."""

    name: str
    sha256: str
    size_bytes: int


class Signer(_Part, frozen=True):
    """Who sealed. `public_key` is the raw Ed25519 key in hex, `fingerprint` its SHA-256."""

    organisation: str
    algorithm: Literal["Ed25519"]
    public_key: str
    fingerprint: str


class PieceSummary(_Part, frozen=True, omit_defaults=True):
    """One piece of a joined video, as in `CapturedPiece`."""

    url: str
    part: str
    body_sha256: str
    content_sha256: str
    key_url: str = ""
    iv: str = ""


class StreamSummary(_Part, frozen=True):
    """The video behind a captured playlist, as in `CapturedStream`: its pieces are in the WARC,
    and joined in this order they have the hash `sha256`.
    """

    sha256: str
    content_bytes: int
    pieces: tuple[PieceSummary, ...]
    left_out: str
    refusal: str


class ResourceSummary(_Part, frozen=True, omit_defaults=True):
    """One captured address, as in `CapturedResource`; hops and headers are in the WARC.

    `stream` and `renewed` are left out where there is nothing to say: older exhibits, sealed
    without them, stay as they are.
    """

    role: Literal["page", "medium"]
    url: str
    final_url: str
    status: int | None
    content_type: str | None
    body_sha256: str | None
    body_bytes: int
    server_address: str | None
    tls_certificate_sha256: str | None
    fetched_at: str
    truncated: bool
    refusal: str | None
    stream: StreamSummary | None = None
    renewed: bool = False


class CaptureSummary(_Part, frozen=True):
    """What was captured, when and with what. `clock` says how the clock was checked."""

    capture_id: str
    attempt: int
    started_at: str
    finished_at: str
    user_agent: str
    software: str
    clock: str
    keeps_media_bytes: bool
    warc_sha256: str
    warc_bytes: int
    resources: tuple[ResourceSummary, ...]


class MatchSummary(_Part, frozen=True):
    """One way in which the medium matched. `detail` is in words."""

    kind: Literal["face", "hash"]
    band: str
    similarity: float | None
    threshold: float | None
    expected_chance_matches: float | None
    detail: str


class ExaminationSummary(_Part, frozen=True):
    """What the eyes saw of one medium; no box, no crop, nothing of anyone else."""

    of: Literal["found", "captured"]
    content_sha256: str
    pdq: str | None
    kind: str
    width_px: int
    height_px: int
    model_pack: str | None
    model_digest: str | None
    preprocessing: int | None
    matches: tuple[MatchSummary, ...]
    manipulation_band: str | None
    manipulation_reasons: tuple[str, ...]
    refusal: str | None


class BroughtSummary(_Part, frozen=True):
    """A capture that somebody else made and brought: its hash alone, and who says what of it."""

    captured_by: str
    tool: str
    captured_at: str
    file_sha256: str


class StatementReference(_Part, frozen=True):
    """One person's own statement, in a file of its own."""

    id: str
    by: str
    verdict: str
    file: str


class CustodyHead(_Part, frozen=True):
    """Where the chain of custody stood when this was sealed."""

    candidate_id: str
    entries: int
    head: str


class TrustedTime(_Part, frozen=True):
    """Whether an authority other than the signer attests the time."""

    state: Literal["none"]
    reason: str


class Manifest(_Part, frozen=True):
    """The whole manifest. `notes` are defects of completeness that a reader must see."""

    format: str
    exhibit_id: str
    version: int
    created_at: str
    software: str
    signer: Signer
    files: tuple[BundleFile, ...]
    capture: CaptureSummary
    examinations: tuple[ExaminationSummary, ...]
    brought: tuple[BroughtSummary, ...]
    statements: tuple[StatementReference, ...]
    custody: CustodyHead
    trusted_time: TrustedTime
    wording: str
    notes: tuple[str, ...]


def canonical_json(value: object) -> bytes:
    """RFC 8785 bytes of a struct or of plain JSON values."""
    content: bytes = rfc8785.dumps(msgspec.to_builtins(value))
    return content


def manifest_bytes(manifest: Manifest) -> bytes:
    """The bytes that are signed."""
    return canonical_json(manifest)


def read_manifest(content: bytes) -> Manifest:
    """The manifest in `content`; raises `ManifestError` unless it is in its one canonical form."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
        spelled = manifest_bytes(manifest)
    except (msgspec.DecodeError, msgspec.ValidationError, rfc8785.CanonicalizationError) as error:
        raise ManifestError(f"it is not a manifest of this form: {error}") from error
    except (UnicodeError, RecursionError) as error:
        raise ManifestError("it is not a manifest of this form: unreadable text") from error
    if manifest.format != FORMAT:
        raise ManifestError(f"its format is {manifest.format!r}; this software reads {FORMAT!r}")
    if spelled != content:
        raise ManifestError("it is not in canonical form (RFC 8785): it was rewritten")
    return manifest
