"""Rounds of building a model beside the one that searches, as the engine knows them."""

from __future__ import annotations

from typing import Protocol


class BuildsModels(Protocol):
    """`service.work.model_building.ModelBuilding`. Every part may run twice."""

    def settle(self) -> None:
        """Name the first model, and begin to follow a program that prepares faces otherwise."""
        ...

    def is_waiting(self) -> bool:
        """Whether there is anything to build."""
        ...

    def build(self) -> int:
        """Make templates for a while; returns how many."""
        ...

    def destroy_others(self) -> int:
        """Delete templates that no step needs any more; returns how many."""
        ...

    def stop(self) -> None:
        """End the round at hand soon."""
        ...

    def close(self) -> None:
        """End the processes that built."""
        ...
