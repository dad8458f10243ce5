"""Before anything is started: each thing that could be missing, with what to do about it.

1. The machine: system libraries, core dumps off, files for this account only.
2. The data folder: there, writable, with space left.
3. The port: free.
4. The database: reachable, not damaged, brought to the newest schema.
5. The model pack: whole, or fetched now.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
import socket
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from indexer.errors import IndexerError
from indexer.faces import check_pack, fetch_pack
from service.database import Database
from service.database_migration import upgrade
from service.settings import Settings
from service.work.errors import PreflightError

LEAST_FREE_BYTES = 256 * 1024 * 1024
SYSTEM_LIBRARIES = {"libGL.so.1": "libgl1", "libglib-2.0.so.0": "libglib2.0-0"}
_PR_SET_DUMPABLE = 4

Tell = Callable[[str, int, int], None]


def close_process() -> None:
    """A crash must not write keys or pictures to the disk; files are for this account only."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def missing_libraries() -> tuple[str, ...]:
    """Debian packages of system libraries that are not installed."""
    missing = []
    for library, package in SYSTEM_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return tuple(missing)


def check_libraries() -> None:
    """Raises `PreflightError` with the line to type when a system library is missing."""
    missing = missing_libraries()
    if missing:
        raise PreflightError(
            "System libraries that read pictures are missing. Install them: "
            f"sudo apt-get install -y {' '.join(missing)}"
        )


def check_folder(folder: Path) -> None:
    """Raises `PreflightError` when the data folder cannot be used or the disk is nearly full."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".can-write-"):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        if error.errno == errno.ENOSPC:
            free = 0
        else:
            raise PreflightError(
                f"The data folder {folder} cannot be written ({error.strerror}). Correct its "
                "permissions, or choose another one with --data-dir or LIKENESS_DATA_DIR."
            ) from error
    if free < LEAST_FREE_BYTES:
        raise PreflightError(
            f"Only {free // 2**20} MiB are free where {folder} lies; at least "
            f"{LEAST_FREE_BYTES // 2**20} are needed. Free some, or choose another data folder."
        )


def check_port(host: str, port: int) -> None:
    """Raises `PreflightError` when somebody else listens there, or it may not be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PreflightError(
                    f"Port {port} on {host} is in use, perhaps by another `likeness serve`. Stop "
                    "that program, or choose another port with LIKENESS_PORT."
                ) from error
            raise PreflightError(
                f"{host}:{port} cannot be listened on ({error.strerror}). Choose another address "
                "with LIKENESS_HOST and LIKENESS_PORT."
            ) from error


def prepare_database(database: Database) -> None:
    """Reach the database and bring its schema to the newest revision."""
    address = database.engine.url.render_as_string(hide_password=True)
    try:
        with database.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(text("SELECT count(*) FROM sqlite_master"))
            else:
                connection.execute(text("SELECT 1"))
        upgrade(database)
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
        raise PreflightError(
            f"The database {address} cannot be used ({reason}). If it is damaged, restore it from "
            "your backup; if it is a server, check that it runs and that its address is right."
        ) from error


def prepare_models(
    settings: Settings, progress: Callable[[], AbstractContextManager[Tell]], *, needed: bool
) -> str:
    """Make sure that the model pack is whole; returns a warning in words, or nothing.

    `settings` name the pack that searches (`with_named_model`). Where no organisation has switched
    face matching on, a pack that cannot be fetched (there is no network) is a warning only:
    everything else works without it.
    """
    try:
        if check_pack(settings.pack, settings.models_dir).state == "ready":
            return ""
        with progress() as tell:
            fetch_pack(
                settings.pack,
                settings.models_dir,
                tell,
                accepted_licences=settings.accepted_licences,
            )
    except IndexerError as error:
        if needed:
            raise PreflightError(
                f"The model pack {settings.pack} is not here: {error}. Fetch it with `likeness "
                "models fetch` when there is a network."
            ) from error
        return (
            f"The model pack {settings.pack} is not here: {error}. Face matching stays "
            "unavailable until `likeness models fetch` has worked; everything else works."
        )
    return ""


def is_root() -> bool:
    """Whether this process may do everything: not needed, and not wise."""
    return os.geteuid() == 0
