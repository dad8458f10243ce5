"""Runs the demo's stages one after the other, with their times, and says which one failed.

A stage is named in words; its seconds are measured; an error ends the demo and keeps its message.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from indexer.errors import IndexerError
from service.errors import LikenessError


class StageFailedError(LikenessError):
    """A stage of the demo failed; the message names it and says why."""

    code = "stage_failed"


class Stages:
    """The stages so far. `console` shows them as they go."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """One stage: its time is kept under `name`; what goes wrong in it names it."""
        began = time.perf_counter()
        try:
            with self._console.status(f"{name} …"):
                yield
        except StageFailedError:
            raise
        except (LikenessError, IndexerError, OSError) as error:
            raise StageFailedError(f"{name}: {error}") from error
        finally:
            self.seconds[name] = round(time.perf_counter() - began, 3)
        self._console.print(f"[green]done[/green] {self.seconds[name]:6.1f} s  {name}")

    def require(self, condition: bool, what: str) -> None:
        """End the demo with `what` unless the condition holds."""
        if not condition:
            raise StageFailedError(what)
