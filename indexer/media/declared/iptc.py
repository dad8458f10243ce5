"""IPTC (IIM): the credit line and the originating program."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Final

from PIL import Image, IptcImagePlugin

from indexer.media.declared.generators import names_generator
from indexer.media.sniff import sniff
from indexer.observations import DeclaredFact

_DATASETS: Final = {(2, 65): "originating program", (2, 110): "credit", (2, 40): "instructions"}
_MARKS: Final = {"JPEG": b"Photoshop 3.0", "TIFF": b""}


def read_iptc(content: bytes) -> Iterable[DeclaredFact]:
    """The credit, the program and the instructions of a JPEG or TIFF."""
    sniffed = sniff(content)
    mark = _MARKS.get(sniffed.format_name) if sniffed is not None else None
    if sniffed is None or mark is None or mark not in content:
        return
    with Image.open(io.BytesIO(content), formats=[sniffed.format_name]) as image:
        info = IptcImagePlugin.getiptcinfo(image) or {}
    for dataset, name in _DATASETS.items():
        values = info.get(dataset, ())
        for value in values if isinstance(values, list) else [values]:
            if value:
                text = value.decode("utf-8", errors="replace")
                yield DeclaredFact(
                    kind="iptc", name=name, value=text, says_generated=names_generator(text)
                )
