"""What the doctor finds: one line for each thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing."""

    name: str
    verdict: Verdict
    words: str
