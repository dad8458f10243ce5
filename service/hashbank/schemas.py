"""What goes in and out of the JSON API of the hash bank."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from indexer.hashing import MIN_PDQ_QUALITY, ORIENTATIONS
from indexer.hashing.parts import MAX_KNOWN_PARTS
from service.hashbank.given import (
    MAX_FRAMES,
    MAX_FRAMES_OF_A_PICTURE,
    MAX_MEDIA_AT_ONCE,
    GivenFrame,
    GivenMedium,
    GivenPart,
)
from service.hashbank.seen_answer import SeenBeforeView, SeenPicture
from service.hashbank.service import KnownPictureView

_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class KnownHashIn(BaseModel):
    """A hash that was made elsewhere: SHA-256, PDQ, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"sha256": _HASH, "pdq": "", "note": "from my phone"}]},
    )

    sha256: str = Field(default="", max_length=64)
    pdq: str = Field(default="", max_length=64)
    note: str = Field(default="", max_length=200)


_Hex256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class FrameIn(BaseModel):
    """PDQ of a picture, or of one frame of a video, with the quality that PDQ itself gives."""

    model_config = ConfigDict(extra="forbid")

    pdq: _Hex256
    quality: int = Field(ge=MIN_PDQ_QUALITY, le=100)


class PartIn(BaseModel):
    """PDQ of one part of a picture; its edges are in thousandths of the picture's sides."""

    model_config = ConfigDict(extra="forbid")

    pdq: _Hex256
    quality: int = Field(ge=MIN_PDQ_QUALITY, le=100)
    left: int = Field(ge=0, lt=1000)
    top: int = Field(ge=0, lt=1000)
    right: int = Field(gt=0, le=1000)
    bottom: int = Field(gt=0, le=1000)

    @model_validator(mode="after")
    def _has_an_inside(self) -> Self:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("a part's right and bottom lie beyond its left and top")
        return self


class FingerprintIn(BaseModel):
    """What a person's device counted of one picture or video.

    A picture has up to two frames: PDQ of all its pixels, and PDQ after area-averaged shrinking to
    at most 512 pixels a side, as media that are looked at are hashed; and the parts that are found
    again in crops, frames and collages; and the latter PDQ turned and mirrored in all eight ways.
    A video has distinct frames.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["picture", "video"]
    sha256: _Hex256
    frames: list[FrameIn] = Field(max_length=MAX_FRAMES)
    parts: list[PartIn] = Field(default=[], max_length=MAX_KNOWN_PARTS)
    turned: list[_Hex256] = Field(default=[], max_length=len(ORIENTATIONS))

    @model_validator(mode="after")
    def _few_frames_of_a_picture(self) -> Self:
        if self.kind == "video" and self.parts:
            raise ValueError("a video has no parts")
        if self.kind == "picture" and len(self.frames) > MAX_FRAMES_OF_A_PICTURE:
            raise ValueError(f"a picture has at most {MAX_FRAMES_OF_A_PICTURE} frames")
        self.given()  # its own checks become errors of the field
        return self

    def given(self) -> GivenMedium:
        """As the hash bank takes it."""
        frames = tuple(GivenFrame(frame.pdq, frame.quality) for frame in self.frames)
        parts = tuple(GivenPart(**part.model_dump()) for part in self.parts)
        return GivenMedium(self.kind, self.sha256, frames, parts, tuple(self.turned))


class FingerprintsIn(BaseModel):
    """Fingerprints that were made on the person's own device."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "media": [
                        {
                            "kind": "picture",
                            "sha256": _HASH,
                            "frames": [{"pdq": _HASH, "quality": 100}],
                        }
                    ],
                    "note": "from my phone",
                }
            ]
        },
    )

    media: list[FingerprintIn] = Field(min_length=1, max_length=MAX_MEDIA_AT_ONCE)
    note: str = Field(default="", max_length=200)


class KnownOut(BaseModel):
    """One known picture, in words."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "known_id": "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c",
                    "origin": "given",
                    "has_perceptual_hash": True,
                    "note": "from my phone",
                    "added_at": "2026-11-23T09:30:00Z",
                }
            ]
        }
    )

    known_id: uuid.UUID
    origin: str
    has_perceptual_hash: bool
    note: str
    added_at: datetime

    @classmethod
    def of(cls, view: KnownPictureView) -> KnownOut:
        """From the view."""
        return cls(
            known_id=view.known_id,
            origin=view.origin,
            has_perceptual_hash=view.has_perceptual_hash,
            note=view.note,
            added_at=view.added_at,
        )


class KnownIdOut(BaseModel):
    """The id of a known picture."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"known_id": "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"}]}
    )

    known_id: uuid.UUID


class SeenPictureOut(BaseModel):
    """Where one known picture was seen before, in counts, and its standing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "known_id": "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c",
                    "origin": "given",
                    "is_answered": True,
                    "words": "Seen at 3 addresses on 2 sites since March 2026: 3 exact copies.",
                    "addresses": 3,
                    "sites": 2,
                    "since": "2026-03-02T11:00:00Z",
                    "exact": 1,
                    "alike": 0,
                    "weak": 0,
                    "held_back": "",
                    "is_vouched_for": False,
                    "confirmed": 0,
                    "called_different": 0,
                }
            ]
        }
    )

    known_id: uuid.UUID
    origin: str
    is_answered: bool
    words: str
    addresses: int
    sites: int
    since: datetime | None
    exact: int
    alike: int
    weak: int
    held_back: str
    is_vouched_for: bool
    confirmed: int
    called_different: int

    @classmethod
    def of(cls, picture: SeenPicture) -> SeenPictureOut:
        """From the answer."""
        standing, counts = picture.standing, picture.counts
        return cls(
            known_id=standing.known_id,
            origin=standing.origin,
            is_answered=picture.is_answered,
            words=picture.words,
            addresses=counts.addresses,
            sites=counts.sites,
            since=counts.since,
            exact=counts.exact,
            alike=counts.alike,
            weak=counts.weak,
            held_back=picture.held_back,
            is_vouched_for=not standing.needs_vouching,
            confirmed=standing.confirmed_count,
            called_different=standing.different_count,
        )


class SeenBeforeOut(BaseModel):
    """Where a case's known pictures were seen before: counts and words, no address."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "is_verified": True,
                    "is_answered": True,
                    "words": "Not seen so far in what was looked at.",
                    "looked": "Looked at since March 2026: 1,204 pictures and videos on 2 sites, "
                    "counted at every visit. What was not seen there may still be elsewhere, or "
                    "be there now.",
                    "pictures": [],
                    "waiting_for_a_voucher": 0,
                }
            ]
        }
    )

    is_verified: bool
    is_answered: bool
    words: str
    looked: str
    pictures: list[SeenPictureOut]
    waiting_for_a_voucher: int

    @classmethod
    def of(cls, view: SeenBeforeView) -> SeenBeforeOut:
        """From the view."""
        return cls(
            is_verified=view.is_verified,
            is_answered=view.is_answered,
            words=view.words,
            looked=view.looked,
            pictures=[SeenPictureOut.of(picture) for picture in view.pictures],
            waiting_for_a_voucher=len(view.to_vouch),
        )


class VouchIn(BaseModel):
    """Which given pictures an advocate vouches for, and the statement ticked by themselves."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "known_ids": ["3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"],
                    "statement_ticked": True,
                }
            ]
        },
    )

    known_ids: list[uuid.UUID] = Field(min_length=1, max_length=500)
    statement_ticked: bool


class SimilarIn(BaseModel):
    """Whether look-alikes of a known picture should make candidates."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"wanted": True}]})

    wanted: bool
