"""Faces: which model packs there are, and the engine that enrols people and probes pictures."""

from indexer.faces.engine import Enrolment, FaceEngine
from indexer.faces.errors import PhotoRefusedError
from indexer.faces.fetch import fetch_pack
from indexer.faces.packs import DEFAULT_PACK, check_pack, find_pack, list_packs
from indexer.faces.probe import ProbeFace, ProbeFaces
from indexer.faces.template import Template

__all__ = [
    "DEFAULT_PACK",
    "Enrolment",
    "FaceEngine",
    "PhotoRefusedError",
    "ProbeFace",
    "ProbeFaces",
    "Template",
    "check_pack",
    "fetch_pack",
    "find_pack",
    "list_packs",
]
