"""The form of a site: text as somebody typed it, to and from a draft."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.sources.errors import SiteInvalidError
from service.sources.site_draft import SiteDraft

Text = Annotated[str, Field(max_length=100_000)]


class SiteForm(BaseModel):
    """Every field as text; lists with one item a line. A tick is "on"."""

    model_config = ConfigDict(frozen=True)

    name: Text = ""
    seeds: Text = ""
    purpose: Text = ""
    legal_basis: Text = ""
    allowed_hosts: Text = ""
    media_hosts: Text = ""
    path_prefixes: Text = ""
    max_depth: Text = "5"
    page_budget: Text = "1000"
    media_budget: Text = "10000"
    delay_s: Text = "2"
    ignore_robots: Text = ""
    robots_reason: Text = ""
    monitoring_purpose: Text = ""
    schedule: Text = ""
    canaries: Text = ""
    extractors: Text = ""
    read_all: Text = ""
    needs_script: Text = ""
    script_hosts: Text = ""

    def draft(self) -> SiteDraft:
        """The draft that this form describes; numbers that are none are refused by field."""
        return SiteDraft(
            name=self.name,
            seeds=_lines(self.seeds),
            purpose=self.purpose,
            legal_basis=self.legal_basis,
            allowed_hosts=_lines(self.allowed_hosts),
            media_hosts=_lines(self.media_hosts),
            path_prefixes=_lines(self.path_prefixes),
            max_depth=_whole("max_depth", self.max_depth),
            page_budget=_whole("page_budget", self.page_budget),
            media_budget=_whole("media_budget", self.media_budget),
            delay_s=_number("delay_s", self.delay_s),
            obey_robots=self.ignore_robots != "on",
            robots_reason=self.robots_reason,
            monitoring_purpose=self.monitoring_purpose,
            schedule=self.schedule,
            canaries=_lines(self.canaries),
            extractors=self.extractors == "on",
            adaptive=self.read_all != "on",
            needs_script=self.needs_script == "on",
            script_hosts=_lines(self.script_hosts),
        )


def form_of(draft: SiteDraft) -> SiteForm:
    """The form filled with a site's settings."""
    values: dict[str, str] = {}
    for field in fields(draft):
        value = getattr(draft, field.name)
        values[field.name] = "\n".join(value) if isinstance(value, tuple) else str(value)
    values["delay_s"] = f"{draft.delay_s:g}"
    values["extractors"] = "on" if draft.extractors else ""
    values["ignore_robots"] = "" if draft.obey_robots else "on"
    values["read_all"] = "" if draft.adaptive else "on"
    values["needs_script"] = "on" if draft.needs_script else ""
    del values["obey_robots"], values["adaptive"]
    return SiteForm(**values)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _whole(field: str, text: str) -> int:
    try:
        return int(text.strip())
    except ValueError as error:
        raise SiteInvalidError(field, f"{field.replace('_', ' ')}: give a whole number") from error


def _number(field: str, text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError as error:
        raise SiteInvalidError(field, "the delay is a number of seconds") from error
