"""`likeness models use`, `status`, `switch`, `confirm`, `back`, `abandon`: changing the model.

They write rows; the workers of `likeness serve` and `likeness worker` build, and go on building
when a command is stopped. Every step is in the audit trail.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.orm import Session

from indexer.examiner.client import ExaminerClient
from indexer.faces import fetch_pack, find_pack
from indexer.faces.packs import stamp_of
from indexer.observations import ModelStamp
from service.accounts.actor import Actor
from service.command_context import rooms_of, settings_of
from service.enrolment.errors import WrongModelError
from service.enrolment.model_changes import ModelChanges
from service.enrolment.model_views import ChangeView, ModelStanding
from service.enrolment.photo_words import words_of_refusal
from service.errors import InvalidInputError
from service.settings import Settings
from service.work.installed_models import problem_words
from service.work.model_commands import app, progress_bar
from service.work.model_in_use import has_database
from service.work.model_steps import end_step
from service.work.model_words import photos_words, progress_words
from service.work.opening import ModelChoice
from service.work.settings_file import set_lines

__all__ = ["app"]

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_ACTOR = Actor.system("command line")
_LOOK_EVERY_S = 0.5
_PATIENCE_S = 15.0
_RUNTIMES = ("auto", "onnxruntime-cuda", "openvino-bf16", "openvino", "onnxruntime")
_CANNOT_BUILD = 1
_WAITS_FOR_OPERATOR = 5


@app.command("use")
def use_model(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The pack that is to search.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You know that you may use these weights.")
    ] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Build it, and switch only at `likeness models switch`.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show how it goes until it searches.")
    ] = True,
    runtime: Annotated[
        str, typer.Option(help="What runs models on this machine from its next start on.")
    ] = "",
    as_json: _AsJson = False,
) -> None:
    """Use another pack: it is built beside the one in use from the encrypted reference photos.

    Exit code 0 when it searches (or, with --no-wait, is being built), 5 when it is built and waits
    for `likeness models switch`, 1 when it cannot be built.
    """
    settings = settings_of(context)
    if runtime and runtime not in _RUNTIMES:
        raise InvalidInputError(f"--runtime: one of {', '.join(_RUNTIMES)}.")
    lines = {"LIKENESS_RUNTIME": runtime} if runtime else {}
    accepted = set(settings.accepted_licences)
    if accept_licence:
        accepted.add(find_pack(name, settings.models_dir).name)
        lines["LIKENESS_ACCEPTED_LICENCES"] = json.dumps(sorted(accepted))
    settings = settings.model_copy(update={"accepted_licences": tuple(sorted(accepted))})
    # Fetching refuses a licence that was not accepted, with the words for it.
    with progress_bar(quiet=as_json) as tell:
        fetch_pack(name, settings.models_dir, tell, accepted_licences=settings.accepted_licences)
    after = _try_out(settings, name)
    if not has_database(settings):
        lines["LIKENESS_PACK"] = after.pack
    if lines:
        set_lines(settings.data_dir, lines)
    if not has_database(settings):
        _say(
            as_json,
            {"pack": after.pack, "state": "chosen"},
            f"{after.pack} is used from the first start of `likeness serve` on.",
        )
        return
    with rooms_of(context) as rooms:
        models: ModelChanges = rooms.models
        with rooms.database.write() as session:
            used = models.in_use(session)
            if used is not None and used.stamp == after:
                change = None
            else:
                change = models.start(
                    session,
                    _ACTOR,
                    after,
                    asks_before_switch=ask,
                    licence_accepted=accept_licence,
                    tried_out=True,
                )
        if change is None:
            _say(
                as_json, {"pack": after.pack, "state": "in_use"}, f"{after.pack} searches already."
            )
            return
        if wait:
            change = _follow(rooms, change, quiet=as_json)
        _say(as_json, change_row(change), progress_words(change))
    if wait:
        _exit_with(change)


@app.command("status")
def show_status(context: typer.Context, as_json: _AsJson = False) -> None:
    """Say which model searches, and how a change of it stands."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        standing: ModelStanding = rooms.models.standing(session, _ACTOR)
    used, change = standing.in_use, standing.change
    row = {
        "in_use": _stamp_row(used.stamp) if used else None,
        "since": used.since.isoformat() if used else None,
        "change": change_row(change) if change else None,
        "refused": [{"code": code, "photos": count} for code, count in standing.refusals],
    }
    words = [
        f"{used.stamp.pack} searches since {used.since:%Y-%m-%d %H:%M} UTC."
        if used
        else "No model is in use yet: the first start of `likeness serve` names it."
    ]
    if change is not None:
        words.append(progress_words(change))
        if change.problem:
            words.append(f"It cannot be built just now: {problem_words(change.problem)}.")
    words += [
        f"  {photos_words(count)}: {words_of_refusal(code).reason}"
        for code, count in standing.refusals
    ]
    _say(as_json, row, "\n".join(words))


@app.command("switch")
def switch_model(context: typer.Context, as_json: _AsJson = False) -> None:
    """Use the model that is built, now, whoever cannot be found with it."""
    _step(context, as_json, ModelChanges.switch)


@app.command("confirm")
def confirm_model(context: typer.Context, as_json: _AsJson = False) -> None:
    """Keep the new model: the templates of the old one are deleted for good."""
    _step(context, as_json, ModelChanges.confirm)


@app.command("back")
def back_to_old_model(context: typer.Context, as_json: _AsJson = False) -> None:
    """Use the old model again, at once; possible until the new one is confirmed."""
    _step(context, as_json, ModelChanges.back)


@app.command("abandon")
def abandon_model(context: typer.Context, as_json: _AsJson = False) -> None:
    """Stop building; the model in use stays."""
    _step(context, as_json, ModelChanges.abandon)


def change_row(change: ChangeView) -> dict[str, object]:
    """A change for programs."""
    return {
        "id": str(change.id),
        "state": change.state,
        "reason": change.reason,
        "before": _stamp_row(change.before) if change.before else None,
        "after": _stamp_row(change.after),
        "photos": change.counts.photos,
        "made": change.counts.made,
        "refused": change.counts.refused,
        "people_without": change.counts.people_without,
        "people_lost": change.counts.people_lost,
        "problem": change.problem or None,
        "started_at": change.started_at.isoformat(),
        "switched_at": change.switched_at.isoformat() if change.switched_at else None,
    }


def _step(
    context: typer.Context,
    as_json: bool,
    move: Callable[[ModelChanges, Session, Actor], ChangeView],
) -> None:
    with rooms_of(context) as rooms:
        models: ModelChanges = rooms.models
        change = end_step(
            rooms.database, models, _ACTOR, lambda session, actor: move(models, session, actor)
        )
    _say(as_json, change_row(change), progress_words(change))


def _try_out(settings: Settings, name: str) -> ModelStamp:
    """Open the pack once: files that cannot be run are found before anybody waits for them."""
    choice = ModelChoice.of(settings)
    after = stamp_of(find_pack(name, settings.models_dir))
    with ExaminerClient.start(choice.hello(name, settings.accepted_licences)) as client:
        if client.model != after:
            raise WrongModelError(f"{name} opened as another model than it is described as.")
    return after


def _follow(rooms: Any, change: ChangeView, *, quiet: bool) -> ChangeView:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    began, last = time.monotonic(), change.counts.left
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task(change.after.pack, total=None)
        while change.state == "building" and not change.problem:
            time.sleep(_LOOK_EVERY_S)
            with rooms.database.read() as session:
                seen = rooms.models.standing(session, _ACTOR).change
            if seen is None or seen.id != change.id:
                break
            change = seen
            if change.counts.left != last:
                began, last = time.monotonic(), change.counts.left
            words = f"building {change.after.pack}"
            if time.monotonic() - began > _PATIENCE_S:
                words = "waiting for a worker: is `likeness serve` running?"
            counts = change.counts
            progress.update(
                task, description=words, completed=counts.photos - counts.left, total=counts.photos
            )
    return change


def _exit_with(change: ChangeView) -> None:
    if change.state in ("switched", "confirmed"):
        return
    waits = change.state == "ready"
    raise typer.Exit(_WAITS_FOR_OPERATOR if waits else _CANNOT_BUILD)


def _stamp_row(stamp: ModelStamp) -> dict[str, object]:
    return {"pack": stamp.pack, "digest": stamp.digest, "preprocessing": stamp.preprocessing}


def _say(as_json: bool, row: Mapping[str, object], words: str) -> None:
    typer.echo(json.dumps(row, indent=2) if as_json else words)
