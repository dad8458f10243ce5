"""Turns aligned faces into unit vectors, and overwrites every array that it used on the way."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from indexer.faces.packs import Preprocessing
from indexer.faces.session import Floats, InferenceSession
from indexer.media.picture import Pixels

BATCH = 32


class Recogniser(Protocol):
    """Embeds aligned faces."""

    def embed_into(
        self, crops: list[Pixels], vectors: Floats, lengths: Floats | None = None
    ) -> None:
        """Write one unit vector for each (112, 112, 3) RGB crop into `vectors` (n, dimension).

        `lengths` (n,) takes how long each vector was before: networks that learned by angles give
        a short one for what hardly looks like a face.
        """
        ...


class NetworkRecogniser:
    """Any ArcFace-like network with a batch dimension, SFace among them."""

    def __init__(self, session: InferenceSession, preprocessing: Preprocessing) -> None:
        self._session = session
        self._preprocessing = preprocessing

    def embed_into(
        self, crops: list[Pixels], vectors: Floats, lengths: Floats | None = None
    ) -> None:
        """See `Recogniser.embed_into`."""
        wanted = self._preprocessing
        for start in range(0, len(crops), BATCH):
            part = crops[start : start + BATCH]
            batch = np.empty((len(part), 3, 112, 112), np.float32)
            outputs: list[Floats] = []
            try:
                for place, crop in enumerate(part):
                    coloured = crop if wanted.colour == "rgb" else crop[:, :, ::-1]
                    batch[place] = coloured.transpose(2, 0, 1)
                batch -= wanted.mean
                batch /= wanted.std
                outputs = self._session.run(batch)
                end = start + len(part)
                into = lengths[start:end] if lengths is not None else None
                write_unit_vectors(outputs[0], vectors[start:end], into)
            finally:
                batch.fill(0)
                for output in outputs:
                    output.fill(0)


def write_unit_vectors(raw: Floats, vectors: Floats, lengths: Floats | None = None) -> None:
    """Normalise `raw` (n, dimension) into `vectors` without another copy of either; how long each
    was goes into `lengths` (n,).
    """
    flat = raw.reshape(raw.shape[0], -1)
    found = np.linalg.norm(flat, axis=1, keepdims=True)
    np.divide(flat, np.maximum(found, 1e-12), out=vectors)
    if lengths is not None:
        lengths[:] = found[:, 0]
