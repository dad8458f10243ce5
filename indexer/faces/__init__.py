"""Faces: which model packs there are, and the engine that enrols people and probes pictures."""

from indexer.faces.engine import Enrolment, FaceEngine
from indexer.faces.errors import PhotoRefusedError
from indexer.faces.fetch import fetch_pack
from indexer.faces.packs import DEFAULT_PACK, check_pack, find_pack, list_packs
from indexer.faces.probe import ProbeFace, ProbeFaces, SeenFaces
from indexer.faces.template import Template
from indexer.faces.tracks import Appearance, FaceTracks, FrameMoment

__all__ = [
    "DEFAULT_PACK",
    "Appearance",
    "Enrolment",
    "FaceEngine",
    "FaceTracks",
    "FrameMoment",
    "PhotoRefusedError",
    "ProbeFace",
    "ProbeFaces",
    "SeenFaces",
    "Template",
    "check_pack",
    "fetch_pack",
    "find_pack",
    "list_packs",
]
