"""Tables of sources: sites, runs, the frontier, host slots, and media seen.

Of media that match nobody only addresses, hashes and times are kept (design rule 1).
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Site(Base):
    """A configured source: where a crawl may go, for what purpose, how politely.

    `state`: "active" or "paused". Lists are JSON arrays of strings. `robots_reason` must be there
    when `obey_robots` is false. `monitoring_purpose`, when given, lets scheduled runs happen while
    no case is open (design rule 10). A canary is "LEAST_MEDIA ADDRESS": a page that is known to
    show at least so many media; a run that does not find them there was blind. `extractors`: those
    of yt-dlp are asked about pages that show no video. With `adaptive`, pages that hardly ever
    change are not read in each run (see `revisits.py`). With `needs_script` pages are rendered by a
    browser, which may load what they need from `script_hosts`, too.
    """

    __tablename__ = "sites"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    state: Mapped[str]
    seeds: Mapped[list[str]] = mapped_column(JSON)
    allowed_hosts: Mapped[list[str]] = mapped_column(JSON)
    media_hosts: Mapped[list[str]] = mapped_column(JSON)
    path_prefixes: Mapped[list[str]] = mapped_column(JSON)
    max_depth: Mapped[int]
    page_budget: Mapped[int]
    media_budget: Mapped[int]
    delay_s: Mapped[float]
    obey_robots: Mapped[bool] = mapped_column(default=True)
    robots_reason: Mapped[str] = mapped_column(default="")
    purpose: Mapped[str]
    legal_basis: Mapped[str]
    monitoring_purpose: Mapped[str] = mapped_column(default="")
    schedule: Mapped[str] = mapped_column(default="")
    canaries: Mapped[list[str]] = mapped_column(JSON, default=list)
    extractors: Mapped[bool] = mapped_column(default=False)
    adaptive: Mapped[bool] = mapped_column(default=True)
    needs_script: Mapped[bool] = mapped_column(default=False)
    script_hosts: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime]
    next_run_at: Mapped[datetime | None]


class Run(Base):
    """One visit of a site.

    `state`: "queued", "running", "paused" (with its site, or by itself), "yielded" (stepped aside
    for another run of its site), "finished", "blind" (could not look; never reported as clean),
    "cancelled", "failed" with `state_reason`. `serves` are the ids of the open cases;
    `monitoring_purpose` says in words why the run happens without any. At most one run of a site
    is at work. `generation` counts how often the run was handed to the workers. `kind`: "crawl"
    begins at the seeds, "sweep" looks at known media again (see `Sweep`), "around" looks around a
    find for one case alone (see `LookAround`).
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(
            "uq_runs_one_live_per_site",
            "site_id",
            unique=True,
            sqlite_where=text("state IN ('queued', 'running', 'paused')"),
            postgresql_where=text("state IN ('queued', 'running', 'paused')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    state: Mapped[str] = mapped_column(index=True)
    state_reason: Mapped[str] = mapped_column(default="")
    serves: Mapped[list[str]] = mapped_column(JSON, default=list)
    monitoring_purpose: Mapped[str] = mapped_column(default="")
    generation: Mapped[int] = mapped_column(default=1)
    pages_seen: Mapped[int] = mapped_column(default=0)
    media_seen: Mapped[int] = mapped_column(default=0)
    media_examined: Mapped[int] = mapped_column(default=0)
    media_unreadable: Mapped[int] = mapped_column(default=0)
    media_without_faces: Mapped[int] = mapped_column(default=0)
    media_small: Mapped[int] = mapped_column(default=0)
    media_only_small: Mapped[int] = mapped_column(default=0)
    media_in_part: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str] = mapped_column(default="crawl")
    finds_held_back: Mapped[int] = mapped_column(default=0)
    faces_counted: Mapped[int] = mapped_column(default=0)
    candidates_found: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[int] = mapped_column(default=0)
    pages_unchanged: Mapped[int] = mapped_column(default=0)
    media_unchanged: Mapped[int] = mapped_column(default=0)
    pages_not_due: Mapped[int] = mapped_column(default=0)
    addresses_left_out: Mapped[int] = mapped_column(default=0)
    bytes_fetched: Mapped[int] = mapped_column(BigInteger, default=0)
    examine_seconds: Mapped[float] = mapped_column(default=0.0)
    times_lost: Mapped[int] = mapped_column(default=0)
    turn_began_at: Mapped[datetime | None]
    steps_aside_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    addresses_forgotten: Mapped[int] = mapped_column(default=0)
    addresses_forgotten_at: Mapped[datetime | None]
    sightings_forgotten: Mapped[int] = mapped_column(default=0)
    sightings_thinned_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class FrontierEntry(Base):
    """One address of one run: waiting, leased, done, refused, failed, left out as endless, not due.

    `rank` is its place in the run before its depth (see `likelihood.py`): less comes first. `shape`
    is what an address that looks endless has in common with others like it (see `traps`).

    A lease carries a fencing token that only grows: a completion with an older token is refused,
    so a worker that was thought dead cannot write any more. `variant_of` is the key of the full
    form of a medium of which this is a smaller one.
    """

    __tablename__ = "frontier"
    __table_args__ = (
        UniqueConstraint("run_id", "url_key"),
        Index("ix_frontier_next", "run_id", "state", "rank", "depth", "id"),
        Index(
            "ix_frontier_shape",
            "run_id",
            "shape",
            sqlite_where=text("shape IS NOT NULL"),
            postgresql_where=text("shape IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    )
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id"))
    url: Mapped[str]
    url_key: Mapped[str]
    kind: Mapped[str]
    rank: Mapped[int] = mapped_column(default=60)
    depth: Mapped[int]
    referrer: Mapped[str | None]
    how: Mapped[str] = mapped_column(default="seed")
    variant_of: Mapped[str | None]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    fencing_token: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    shape: Mapped[str | None]
    refusal_code: Mapped[str | None]
    refusal_message: Mapped[str | None]
    http_status: Mapped[int | None]
    completed_at: Mapped[datetime | None]


class KnownAddress(Base):
    """What earlier runs of a site know of an address: see `known_addresses.py`.

    `kind` is what came: "page" or "medium". `answered_url` is the address that gave the answer, and
    `etag` and `last_modified` what its server said of it: a stranger's text, one line. `links` are
    what the page named, packed. `read_at` is when it came whole, `seen_at` when it was last asked.
    `fingerprint`, `looks`, `changes`, `watched_s` and `changed_at` say how often a page changed
    (see `page_changes.py`).
    """

    __tablename__ = "known_addresses"
    __table_args__ = (
        UniqueConstraint("site_id", "url_key"),
        Index("ix_known_addresses_seen", "site_id", "seen_at"),
        Index("ix_known_addresses_changed", "site_id", "changed_at"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    )
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id"))
    url_key: Mapped[str]
    kind: Mapped[str]
    answered_url: Mapped[str]
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    reading: Mapped[str]
    depth: Mapped[int]
    looked_for: Mapped[str]
    content_sha256: Mapped[str | None]
    links: Mapped[bytes | None] = mapped_column(LargeBinary)
    unchanged_in_a_row: Mapped[int] = mapped_column(default=0)
    fingerprint: Mapped[str | None]
    looks: Mapped[float] = mapped_column(default=0.0)
    changes: Mapped[float] = mapped_column(default=0.0)
    watched_s: Mapped[float] = mapped_column(default=0.0)
    changed_at: Mapped[datetime | None]
    read_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class HostSlot(Base):
    """The one lease of a host: no request to it may leave before `next_request_at`.

    `last_request_at` is the moment of the latest granted request: somebody who must keep a longer
    delay than the one before counts from there.
    """

    __tablename__ = "host_slots"

    host: Mapped[str] = mapped_column(primary_key=True)
    last_request_at: Mapped[datetime]
    next_request_at: Mapped[datetime]


class HostRest(Base):
    """A host that failed `failures` times in a row: it is left alone until `resting_until`."""

    __tablename__ = "host_rests"

    host: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime]
    resting_until: Mapped[datetime]


class MediumSeen(Base):
    """A medium by its content: hashes, times, which models looked. Nothing of any face.

    `halted_at` is set once somebody saw a sign of a minor in it: it is never answered again, and
    what looks like it is halted, too (see `HaltedHash`).
    """

    __tablename__ = "media"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    content_sha256: Mapped[str] = mapped_column(unique=True)
    pdq: Mapped[str | None]
    pdq_quality: Mapped[int | None]
    phash: Mapped[str | None]
    kind: Mapped[str]
    width_px: Mapped[int]
    height_px: Mapped[int]
    content_bytes: Mapped[int] = mapped_column(BigInteger)
    refusal_code: Mapped[str | None]
    examined_model: Mapped[str | None]
    examined_change: Mapped[int] = mapped_column(default=0)
    examined_at: Mapped[datetime]
    first_seen_at: Mapped[datetime]
    halted_at: Mapped[datetime | None] = mapped_column(index=True)


class SeenHash(Base):
    """One PDQ hash of a medium that was seen: of a still, or of one frame of a video.

    Only hashes of quality 50 and more are here. A picture that somebody brings later is looked up
    among them, so that what was seen before is found without another crawl. The ids are counted
    upwards; each machine's own index follows them (see `seen_index.py`).
    """

    __tablename__ = "seen_hashes"
    # An id is never used again, also after the newest rows were deleted: an index would miss it.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    )
    medium_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("media.id"), index=True)
    at_ms: Mapped[int] = mapped_column(default=0)
    pdq: Mapped[bytes] = mapped_column(LargeBinary(32))
    quality: Mapped[int]
    added_at: Mapped[datetime]


class HaltedHash(Base):
    """One PDQ hash of a medium that was halted: kept for nothing but to stop what looks like it.

    It is taken out of what was seen; no picture can be made of it, and it names nobody.
    """

    __tablename__ = "halted_hashes"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    )
    medium_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("media.id"), index=True)
    at_ms: Mapped[int] = mapped_column(default=0)
    pdq: Mapped[bytes] = mapped_column(LargeBinary(32))
    quality: Mapped[int]


class Sighting(Base):
    """A medium at an address at a time, seen by a run.

    What people brought is none: its address is sealed with their candidate (design rule 7).
    """

    __tablename__ = "sightings"
    __table_args__ = (UniqueConstraint("run_id", "medium_id", "media_url_key"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    medium_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("media.id"), index=True)
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id"), index=True)
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id"), index=True)
    media_url: Mapped[str]
    media_url_key: Mapped[str]
    page_url: Mapped[str | None]
    host: Mapped[str] = mapped_column(index=True)
    seen_at: Mapped[datetime]


# these tables have files of their own; whoever loads this room's tables loads them, too
from service.sources import around_models, sweep_models  # noqa: E402, F401
