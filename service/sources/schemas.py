"""What goes in and out of the JSON API of sites and runs."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from service.sources.site_draft import SiteDraft
from service.sources.views import RunView, SiteView

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"
_SITE: JsonDict = {
    "name": "Example forum",
    "seeds": ["https://forum.example/new"],
    "purpose": "Copies were reported on this forum",
    "legal_basis": "Mandates of the depicted people",
    "allowed_hosts": ["forum.example"],
    "media_hosts": ["cdn.forum.example"],
    "path_prefixes": [],
    "max_depth": 5,
    "page_budget": 1000,
    "media_budget": 10000,
    "delay_s": 2.0,
    "obey_robots": True,
    "robots_reason": "",
    "monitoring_purpose": "",
    "schedule": "30 3 * * *",
    "canaries": ["5 https://forum.example/new"],
    "extractors": False,
    "needs_script": False,
    "script_hosts": [],
}
_LINES = 1000
_WORDS = 4000


class SiteIn(BaseModel):
    """A site as it is described. Hosts are exact names, with `:port` unless the usual one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SITE]})

    name: str = Field(max_length=200)
    seeds: list[str] = Field(max_length=_LINES)
    purpose: str = Field(max_length=_WORDS)
    legal_basis: str = Field(max_length=_WORDS)
    allowed_hosts: list[str] = Field(default=[], max_length=_LINES)
    media_hosts: list[str] = Field(default=[], max_length=_LINES)
    path_prefixes: list[str] = Field(default=[], max_length=_LINES)
    max_depth: int = 5
    page_budget: int = 1000
    media_budget: int = 10_000
    delay_s: float = 2.0
    obey_robots: bool = True
    robots_reason: str = Field(default="", max_length=_WORDS)
    monitoring_purpose: str = Field(default="", max_length=_WORDS)
    schedule: str = Field(default="", max_length=200)
    canaries: list[str] = Field(default=[], max_length=_LINES)
    extractors: bool = False
    adaptive: bool = True
    needs_script: bool = False
    script_hosts: list[str] = Field(default=[], max_length=_LINES)

    def draft(self) -> SiteDraft:
        """The draft to be checked."""
        return SiteDraft(
            name=self.name,
            seeds=tuple(self.seeds),
            purpose=self.purpose,
            legal_basis=self.legal_basis,
            allowed_hosts=tuple(self.allowed_hosts),
            media_hosts=tuple(self.media_hosts),
            path_prefixes=tuple(self.path_prefixes),
            max_depth=self.max_depth,
            page_budget=self.page_budget,
            media_budget=self.media_budget,
            delay_s=self.delay_s,
            obey_robots=self.obey_robots,
            robots_reason=self.robots_reason,
            monitoring_purpose=self.monitoring_purpose,
            schedule=self.schedule,
            canaries=tuple(self.canaries),
            extractors=self.extractors,
            adaptive=self.adaptive,
            needs_script=self.needs_script,
            script_hosts=tuple(self.script_hosts),
        )


class SiteOut(SiteIn):
    """A site with its state ("active" or "paused")."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                _SITE
                | {
                    "id": _ID,
                    "state": "active",
                    "created_at": _MOMENT,
                    "next_run_at": "2026-11-24T03:30:00Z",
                }
            ]
        },
    )

    id: uuid.UUID
    state: str
    created_at: datetime
    next_run_at: datetime | None

    @classmethod
    def of(cls, site: SiteView) -> SiteOut:
        """From the view."""
        draft = site.draft
        return cls(
            id=site.id,
            state=site.state,
            created_at=site.created_at,
            next_run_at=site.next_run_at,
            name=draft.name,
            seeds=list(draft.seeds),
            purpose=draft.purpose,
            legal_basis=draft.legal_basis,
            allowed_hosts=list(draft.allowed_hosts),
            media_hosts=list(draft.media_hosts),
            path_prefixes=list(draft.path_prefixes),
            max_depth=draft.max_depth,
            page_budget=draft.page_budget,
            media_budget=draft.media_budget,
            delay_s=draft.delay_s,
            obey_robots=draft.obey_robots,
            robots_reason=draft.robots_reason,
            monitoring_purpose=draft.monitoring_purpose,
            schedule=draft.schedule,
            canaries=list(draft.canaries),
            extractors=draft.extractors,
            adaptive=draft.adaptive,
            needs_script=draft.needs_script,
            script_hosts=list(draft.script_hosts),
        )


class RunIn(BaseModel):
    """What a run is started with: a purpose of monitoring, needed while no case is open."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"monitoring_purpose": ""}]}
    )

    monitoring_purpose: str = Field(default="", max_length=_WORDS)


class RunOut(BaseModel):
    """A run with its counts. `state_reason` holds codes, separated by commas."""

    model_config = ConfigDict(
        extra="forbid",
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "site_id": _ID,
                    "site_name": "Example forum",
                    "state": "running",
                    "state_reason": "",
                    "cases_served": 2,
                    "monitoring_purpose": "",
                    "pages_seen": 120,
                    "media_seen": 410,
                    "media_examined": 398,
                    "media_unreadable": 3,
                    "faces_counted": 290,
                    "candidates_found": 1,
                    "refusals": 7,
                    "pages_unchanged": 80,
                    "media_unchanged": 210,
                    "pages_not_due": 30,
                    "addresses_left_out": 0,
                    "media_small": 35,
                    "media_only_small": 2,
                    "media_in_part": 1,
                    "bytes_fetched": 81234567,
                    "created_at": _MOMENT,
                    "started_at": _MOMENT,
                    "finished_at": None,
                }
            ]
        },
    )

    id: uuid.UUID
    site_id: uuid.UUID
    site_name: str
    state: str
    state_reason: str
    cases_served: int
    monitoring_purpose: str
    pages_seen: int
    media_seen: int
    media_examined: int
    media_unreadable: int
    faces_counted: int
    candidates_found: int
    refusals: int
    pages_unchanged: int
    media_unchanged: int
    pages_not_due: int
    addresses_left_out: int
    media_small: int
    media_only_small: int
    media_in_part: int
    bytes_fetched: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, run: RunView) -> RunOut:
        """From the view."""
        return cls.model_validate(run)
