"""Names and traces by which picture generators say that they made a picture.

Only explicit statements: a program that does nothing but generate, or its own parameter block.
Editors that can also generate (Photoshop, Gemini's apps, phones) are reported by name, not judged.
"""

from __future__ import annotations

import json
import re
from typing import Final

_GENERATORS: Final = re.compile(
    r"\b(stable[ _-]?diffusion|midjourney|dall[-·.]e(?:[ -]?[23])?|novelai|comfyui|invokeai|"
    r"automatic1111|fooocus|adobe firefly|bing image creator|imagen [234]|"
    r"made with google ai|ai[- ]generated image|generated (?:by|with) ai)\b",
    re.IGNORECASE,
)
# The block that Stable Diffusion web UIs write: "Steps: 20, Sampler: Euler a, CFG scale: 7, ...".
_PARAMETER_BLOCK: Final = re.compile(r"\bSteps:\s*\d+\b.*\b(?:Sampler|CFG scale|Seed):", re.DOTALL)
_MIDJOURNEY_JOB: Final = re.compile(r"\bJob ID:\s*[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)
_MAX_EXAMINED_CHARS: Final = 200_000


def names_generator(value: str) -> bool:
    """Whether a text names a program that only generates, or says "made with AI" outright."""
    return bool(_GENERATORS.search(value[:2000]))


def is_parameter_block(value: str) -> bool:
    """Whether a text is the parameter block of a Stable Diffusion program."""
    return bool(_PARAMETER_BLOCK.search(value[:_MAX_EXAMINED_CHARS]))


def is_generation_graph(value: str) -> bool:
    """Whether a text is ComfyUI's prompt (nodes with a class type) or workflow (a node list)."""
    try:
        graph = json.loads(value[:_MAX_EXAMINED_CHARS])
    except ValueError:
        # Cut short or not JSON: ComfyUI's own key is telling enough.
        return '"class_type"' in value[:_MAX_EXAMINED_CHARS]
    if not isinstance(graph, dict):
        return False
    if isinstance(graph.get("nodes"), list) and "links" in graph:
        return True
    return any(isinstance(node, dict) and "class_type" in node for node in graph.values())


def is_generator_comment(value: str) -> bool:
    """Whether a JSON comment holds a prompt with its sampling parameters (NovelAI and others)."""
    try:
        comment = json.loads(value[:_MAX_EXAMINED_CHARS])
    except ValueError:
        return False
    return isinstance(comment, dict) and {"prompt", "steps"} <= comment.keys()


def is_midjourney_job(value: str) -> bool:
    """Whether a description ends in Midjourney's job number."""
    return bool(_MIDJOURNEY_JOB.search(value[:_MAX_EXAMINED_CHARS]))
