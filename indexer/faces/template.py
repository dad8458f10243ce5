"""An enrolled embedding: the only face vector that is ever kept, under its person's key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.errors import IndexerError
from indexer.faces.session import Floats
from indexer.observations import ModelStamp


class TemplateInvalidError(IndexerError):
    """These bytes are no template: wrong length, not finite, or not of unit length."""

    code = "template_invalid"


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """`vector` is (dimension,) float32 of unit length; `model` says what made it (rule 14)."""

    vector: Floats
    model: ModelStamp

    def to_bytes(self) -> bytes:
        """Little-endian float32, for the vault."""
        return self.vector.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, content: bytes, model: ModelStamp) -> Template:
        """The template that `to_bytes` gave. Raises `TemplateInvalidError`."""
        if not content or len(content) % 4:
            raise TemplateInvalidError("a template is a whole number of float32 values")
        vector = np.frombuffer(content, "<f4").astype(np.float32)
        if not np.isfinite(vector).all() or abs(float(np.linalg.norm(vector)) - 1) > 1e-3:
            raise TemplateInvalidError("a template's vector must be finite and of unit length")
        return cls(vector, model)

    def similarity(self, other: Template) -> float:
        """Cosine with another template of the same model."""
        if self.model != other.model:
            raise TemplateInvalidError("templates of different models are never compared")
        return float(self.vector @ other.vector)

    def __repr__(self) -> str:
        return f"<Template of {self.model.pack}>"
