"""What this machine's program and files can give of a model that the database names.

A model is a pack, its files, and how this program prepares faces (design rule 14). Only the very
model is opened; otherwise a stable code says why not, and its words what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from indexer.errors import IndexerError
from indexer.faces import find_pack, list_packs
from indexer.faces.packs import (
    PREPROCESSING_VERSION,
    ModelPack,
    pack_folder,
    require_licence,
    stamp_of,
)
from indexer.observations import ModelStamp

_WORDS = {
    "rebuilding": "this program prepares faces in another way than before: all templates are being "
    "made anew from the reference photos, and faces are compared again when that is done",
    "newer_program": "it was made by a newer program than this one: bring this machine to the same "
    "version as the others",
    "unknown_pack": "this machine does not know the pack: run `likeness models fetch`, or put its "
    "folder where the other machines have it",
    "pack_description_invalid": "the pack's description on this machine cannot be read: "
    "`likeness models check` says why",
    "files_missing": "its files are not on this machine: run `likeness models fetch`",
    "other_files": "the pack of this name here has other files or settings than the one in use: "
    "put back those, or run `likeness models use` to build with these",
    "licence_not_accepted": "its licence was not accepted: `likeness models use NAME "
    "--accept-licence`, if you may use these weights",
    "pack_missing": "its files are not on this machine: run `likeness models fetch`",
    "pack_damaged": "its files are damaged on this machine: run `likeness models fetch`",
    "wrong_model": "the files opened as another model than the one in use",
}


@dataclass(frozen=True, slots=True)
class InstalledModels:
    """The packs of this machine. `accepted_licences` are those of its settings."""

    models_dir: Path
    accepted_licences: tuple[str, ...] = ()

    def stamp(self, pack: str) -> ModelStamp:
        """What this program makes of a pack. Raises `IndexerError` where it is not known."""
        return stamp_of(find_pack(pack, self.models_dir))

    def whole_packs(self) -> tuple[ModelPack, ...]:
        """Packs whose files are all here; their digests are compared when they are opened."""
        return tuple(pack for pack in list_packs(self.models_dir) if self._files_are_here(pack))

    def newer_form(self, model: ModelStamp) -> ModelStamp | None:
        """The same pack as this program gives it, where the program has moved on; else None."""
        if model.preprocessing >= PREPROCESSING_VERSION:
            return None
        try:
            return self.stamp(model.pack)
        except IndexerError:
            return None

    def problem_of(self, model: ModelStamp, *, licence_accepted: bool = False) -> str:
        """Why this machine cannot open exactly this model, as a code; empty when it can.

        Files are looked for, not read: the examiner compares their digests when it opens them.
        """
        if model.preprocessing > PREPROCESSING_VERSION:
            return "newer_program"
        try:
            pack = find_pack(model.pack, self.models_dir)
        except IndexerError as error:
            return error.code
        if model.preprocessing < PREPROCESSING_VERSION:
            return "rebuilding"
        if stamp_of(pack) != model:
            return "other_files"
        return self._problem_of_pack(pack, self.licences(model, licence_accepted=licence_accepted))

    def _problem_of_pack(self, pack: ModelPack, licences: tuple[str, ...]) -> str:
        if not self._files_are_here(pack):
            return "files_missing"
        try:
            require_licence(pack, licences)
        except IndexerError as error:
            return error.code
        return ""

    def _files_are_here(self, pack: ModelPack) -> bool:
        folder = pack_folder(self.models_dir, pack.name)
        return all((folder / file.name).is_file() for file in pack.files)

    def licences(self, model: ModelStamp, *, licence_accepted: bool) -> tuple[str, ...]:
        """What an examiner is told of accepted licences when it opens this model."""
        return (*self.accepted_licences, *((model.pack,) if licence_accepted else ()))


def problem_words(code: str) -> str:
    """What a code means, and what to do."""
    return _WORDS.get(code, f"it could not be opened ({code.replace('_', ' ')})")
