"""What the doctor says of the model that searches, and of a change of it."""

from __future__ import annotations

from collections.abc import Iterator

from service.enrolment.model_views import ChangeView
from service.settings import Settings
from service.work.findings import Finding, Verdict
from service.work.installed_models import InstalledModels, problem_words
from service.work.model_in_use import named_model
from service.work.model_words import progress_words

NAME = "model in use"
CHANGE = "change of the model"


def examine_models(settings: Settings) -> Iterator[Finding]:
    """Whether this machine can search with the model that the database names."""
    named = named_model(settings)
    if named is None:
        return
    installed = InstalledModels(settings.models_dir, settings.accepted_licences)
    problem = installed.problem_of(named.stamp, licence_accepted=named.licence_accepted)
    what = f"{named.stamp.pack}, prepared in way {named.stamp.preprocessing}"
    if not problem:
        yield Finding(NAME, "good", what)
    else:
        rebuilt = problem == "rebuilding" and named.change is not None
        verdict: Verdict = "warning" if rebuilt or not named.faces_wanted else "bad"
        off = "No face is looked for now. " if named.faces_wanted else ""
        yield Finding(NAME, verdict, f"{what}: {off}{problem_words(problem)}")
    if named.change is not None:
        yield _of_change(named.change)


def _of_change(change: ChangeView) -> Finding:
    if change.problem:
        words = f"{change.after.pack} cannot be built: {problem_words(change.problem)}"
        return Finding(CHANGE, "bad", words)
    return Finding(CHANGE, "warning", progress_words(change))
