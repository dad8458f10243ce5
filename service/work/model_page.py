"""What the operator's page on models is told: packs of this machine, and how a change stands."""

from __future__ import annotations

from dataclasses import dataclass

from service.enrolment.model_views import ModelStanding
from service.enrolment.photo_words import words_of_refusal
from service.settings import Settings
from service.work.installed_models import InstalledModels, problem_words
from service.work.model_words import count_words, progress_words


@dataclass(frozen=True, slots=True)
class OfferedPack:
    """A pack whose files are on this machine, and that could be used."""

    name: str
    permits: str
    needs_acceptance: bool
    dimension: int


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Everything in words."""

    in_use: str
    since: str
    problem: str
    progress: str
    counts: str
    change_problem: str
    refusals: tuple[tuple[str, int], ...]
    steps: frozenset[str]
    offered: tuple[OfferedPack, ...]
    done: int
    photos: int


def model_page(settings: Settings, standing: ModelStanding) -> ModelPage:
    """As it stands now, for one operator."""
    installed = InstalledModels(settings.models_dir, settings.accepted_licences)
    used, change = standing.in_use, standing.change
    problem = ""
    if used is not None:
        problem = installed.problem_of(used.stamp, licence_accepted=used.licence_accepted)
    return ModelPage(
        in_use=used.stamp.pack if used else "",
        since=f"{used.since:%Y-%m-%d %H:%M} UTC" if used else "",
        problem=problem_words(problem) if problem else "",
        progress=progress_words(change) if change else "",
        counts=count_words(change.counts) if change and change.is_open else "",
        change_problem=problem_words(change.problem) if change and change.problem else "",
        refusals=tuple((words_of_refusal(code).reason, n) for code, n in standing.refusals),
        steps=_steps(standing),
        offered=() if change and change.is_open else _offered(installed, standing),
        done=change.counts.photos - change.counts.left if change else 0,
        photos=change.counts.photos if change else 0,
    )


def _steps(standing: ModelStanding) -> frozenset[str]:
    change = standing.change
    if change is None:
        return frozenset()
    chosen = change.reason == "chosen"
    match change.state:
        case "building":
            return frozenset({"abandon"} if chosen else ())
        case "ready":
            return frozenset({"switch", "abandon"} if chosen else {"switch"})
        case "switched":
            return frozenset({"confirm", "back"} if chosen else {"confirm"})
        case _:
            return frozenset()


def _offered(installed: InstalledModels, standing: ModelStanding) -> tuple[OfferedPack, ...]:
    in_use = standing.in_use.stamp if standing.in_use else None
    return tuple(
        OfferedPack(pack.name, pack.licence.permits, pack.licence.needs_acceptance, pack.dimension)
        for pack in installed.whole_packs()
        if installed.stamp(pack.name) != in_use
    )
