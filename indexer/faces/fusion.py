"""Several photos of one person become one more template, which joins those that it was made of.

1. The fused template is the mean of the person's templates, each weighted by its quality figure.
2. It is one more row of the watch-list: a probe's similarity to a person is that to the closest of
   their rows, so matching stays one search, and nobody found by a single photo is lost.
3. Chance has one more try with it: a person of k photos counts as k + 1 comparisons.

Measured against the best single photo, the plain mean, their average, weights by how well a
person's photos agree, and mirrored photos (docs/face-quality.md): nothing was better at the false
matches that a watch-list can bear, and with a poor photo among good ones only weights hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from indexer.faces.session import Floats
from indexer.faces.template import Template, TemplateInvalidError

LEAST_WEIGHT: Final = 0.01
"""A photo that says hardly anything still counts where there is nothing better."""
UNKNOWN_FIGURE: Final = 0.9
"""Of a photo that was taken before figures were made: those were held to stricter limits."""
_CANCELLED: Final = 1e-3


def fused_vector(vectors: Floats, figures: Sequence[float | None]) -> Floats:
    """The weighted mean (dimension,) of (k, dimension) vectors, all of unit length.

    `figures` (k,) are quality figures in [0, 1], None where none was made.
    """
    if len(vectors) != len(figures) or not len(vectors):
        raise ValueError("each vector needs a figure, and there has to be one at least")
    known = [UNKNOWN_FIGURE if figure is None else figure for figure in figures]
    weights = np.maximum(np.array(known, np.float64), LEAST_WEIGHT)
    mean = weights @ vectors / weights.sum()
    length = float(np.linalg.norm(mean))
    if length < _CANCELLED:
        # Photos that contradict each other wholly: the best one stands for them.
        return np.array(vectors[int(weights.argmax())], np.float32)
    return np.asarray(mean / length, np.float32)


def fused_template(templates: Sequence[Template], figures: Sequence[float | None]) -> Template:
    """One template of several of one person, of one model.

    Raises `TemplateInvalidError` where there is none, or where models differ (design rule 14).
    """
    if not templates:
        raise TemplateInvalidError("there is no template to make one of")
    model = templates[0].model
    if any(template.model != model for template in templates):
        raise TemplateInvalidError("templates of different models are never put together")
    vectors = np.stack([template.vector for template in templates])
    try:
        return Template(fused_vector(vectors, figures), model)
    finally:
        vectors.fill(0)
