"""Is this installation sound? One line for each thing, with what to do where it is not.

Looks only: nothing is changed or sent anywhere, and nothing created but what the models keep beside
their files once they were loaded.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from indexer.crawl.proxy import ProxyError, greet_proxy
from indexer.errors import IndexerError
from indexer.faces import FaceEngine, check_pack
from indexer.faces.runtimes import device_of, runtime_states, usable_runtimes
from service import __version__
from service.candidates.operating_point import operating_point
from service.clock import SystemClock
from service.database import Database
from service.database_migration import current_revision, newest_revision
from service.errors import LikenessError
from service.settings import Settings
from service.sources.scopes import address_exceptions, proxy_of
from service.sources.seen_index import SeenIndex
from service.work.doctor_browser import examine_browser
from service.work.doctor_models import examine_models
from service.work.findings import Finding
from service.work.model_in_use import named_model, with_named_model
from service.work.preflight import LEAST_FREE_BYTES, is_root, missing_libraries

LIBRARIES = (
    "dbos",
    "fastapi",
    "sqlalchemy",
    "scrapy",
    "yt-dlp",
    "onnxruntime",
    "faiss-cpu",
    "insightface",
    "opencv-python",
)
SOFTWARE_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time than this program was written at."""

_OTHERS_MAY_READ = stat.S_IRWXG | stat.S_IRWXO


def examine_installation(settings: Settings) -> tuple[Finding, ...]:
    """All findings, in the order in which they are shown."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _versions,
        _libraries,
        _folder,
        _keys,
        _database,
        _seen_index,
        _chance,
        examine_models,
        _models,
        _runtime,
        _sandbox,
        _clock,
        _proxy,
        examine_browser,
        _settings_that_weaken,
    )
    found = with_named_model(settings, named_model(settings))
    return tuple(finding for check in checks for finding in check(found))


def _versions(_settings: Settings) -> Iterator[Finding]:
    words = f"Likeness {__version__}, Python {platform.python_version()}, {platform.platform()}"
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("versions", "good" if supported else "bad", words)
    missing = [name for name in LIBRARIES if _version_of(name) is None]
    if missing:
        yield Finding("packages", "bad", f"missing: {', '.join(missing)}; install them anew")
    else:
        known = ", ".join(f"{name} {_version_of(name)}" for name in LIBRARIES)
        yield Finding("packages", "good", known)


def _version_of(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _libraries(_settings: Settings) -> Iterator[Finding]:
    missing = missing_libraries()
    if missing:
        line = f"sudo apt-get install -y {' '.join(missing)}"
        yield Finding("system libraries", "bad", f"missing; install them: {line}")
    else:
        yield Finding("system libraries", "good", "all there")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.is_dir():
        words = f"{folder} is not there yet; `likeness serve` makes it"
        yield Finding("data folder", "warning", words)
        return
    if folder.stat().st_mode & _OTHERS_MAY_READ:
        yield Finding("data folder", "warning", f"others may look into {folder}: chmod 700")
    else:
        yield Finding("data folder", "good", f"{folder.resolve()}, for this account only")
    free = shutil.disk_usage(folder).free
    enough = free >= LEAST_FREE_BYTES
    yield Finding("disk", "good" if enough else "bad", f"{free // 2**20} MiB free")


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.master_key is not None:
        yield Finding("master key", "good", "given by LIKENESS_MASTER_KEY")
    else:
        yield _key_file(settings.vault_dir / "master.key")
    stores = sorted(settings.vault_dir.glob("*")) if settings.vault_dir.is_dir() else []
    loose = [path.name for path in stores if path.is_file() and _others_may_read(path)]
    if loose:
        words = f"others may read {', '.join(loose)} in {settings.vault_dir}: chmod 600"
        yield Finding("key store", "bad", words)
    elif settings.vault_dir.is_dir():
        yield Finding("key store", "good", f"{settings.vault_dir}, for this account only")


def _key_file(path: Path) -> Finding:
    if not path.is_file():
        return Finding("master key", "warning", f"{path} is not there yet; made at first start")
    if _others_may_read(path):
        return Finding("master key", "bad", f"others may read {path}: chmod 600")
    return Finding("master key", "good", f"{path}; keep a copy of it off this machine")


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & _OTHERS_MAY_READ)


def _database(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url and not (settings.data_dir / "likeness.sqlite").is_file():
        yield Finding("database", "warning", "not there yet; `likeness serve` makes it")
        return
    database = Database.open(settings.effective_database_url)
    try:
        with database.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                said = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
                if said != "ok":
                    yield Finding("database", "bad", "damaged: restore it from your backup")
                    return
            else:
                connection.execute(text("SELECT 1"))
        current, newest = current_revision(database.engine), newest_revision()
    except SQLAlchemyError as error:
        yield Finding("database", "bad", f"cannot be used ({type(error).__name__})")
        return
    finally:
        database.close()
    if current == newest:
        yield Finding("database", "good", f"{database.engine.dialect.name}, schema {current}")
    else:
        words = f"schema {current}, this program needs {newest}: start `likeness serve` once"
        yield Finding("database", "bad", words)


def _seen_index(settings: Settings) -> Iterator[Finding]:
    """Whether this machine's index of what was seen holds what the database says."""
    name = "index of what was seen"
    if not settings.database_url and not (settings.data_dir / "likeness.sqlite").is_file():
        return
    database = Database.open(settings.effective_database_url)
    try:
        with database.read() as session:
            state = SeenIndex(settings.seen_index_dir, SystemClock()).state(session)
    except SQLAlchemyError as error:
        yield Finding(name, "bad", f"its table cannot be read ({type(error).__name__})")
        return
    except LikenessError as error:
        yield Finding(name, "warning", f"{error}; a running worker builds it anew by itself")
        return
    finally:
        database.close()
    kept, there = f"{state.kept:,} hashes are kept", f"{state.in_table + state.waiting:,}"
    if state.is_sound:
        yield Finding(name, "good", f"{kept} of {there}; younger ones are looked up directly")
    else:
        yield Finding(
            name, "warning", f"{kept} of {there}: a running worker brings it up to date by itself"
        )


def _chance(settings: Settings) -> Iterator[Finding]:
    """How close a face has to be, and whether that keeps to what the operator bears."""
    name = "chance matches"
    if not settings.database_url and not (settings.data_dir / "likeness.sqlite").is_file():
        return
    database = Database.open(settings.effective_database_url)
    try:
        with database.read() as session:
            point = operating_point(session)
    except SQLAlchemyError as error:
        yield Finding(name, "bad", f"its table cannot be read ({type(error).__name__})")
        return
    finally:
        database.close()
    if point is None:
        yield Finding(name, "good", "no examiner has looked for faces yet")
    else:
        yield Finding(name, "warning" if point.remark else "good", point.remark or point.words)


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        status = check_pack(settings.pack, settings.models_dir)
    except IndexerError as error:
        yield Finding("models", "bad", str(error))
        return
    if status.state == "ready":
        yield Finding("models", "good", f"{settings.pack}: every file has its digest")
    else:
        words = f"{settings.pack}: {'; '.join(status.problems)}. Run `likeness models fetch`"
        yield Finding("models", "warning" if status.state == "missing" else "bad", words)


def _runtime(settings: Settings) -> Iterator[Finding]:
    """What runs the models here, by loading them; why nothing better does; what else there is."""
    try:
        usable = usable_runtimes(settings.runtime)
        status = check_pack(settings.pack, settings.models_dir)
        if status.state != "ready":
            words = f"{usable[0]}, {device_of(usable[0])} (not tried: there are no models to load)"
            yield Finding("runtime", "good", words)
            return
        engine = FaceEngine.open(
            settings.pack,
            models_dir=settings.models_dir,
            runtime=settings.runtime,
            accepted_licences=settings.accepted_licences,
            threads=1,
        )
    except IndexerError as error:
        yield Finding("runtime", "bad", str(error))
        return
    words = f"{engine.runtime}, {device_of(engine.runtime)} (setting: {settings.runtime})"
    yield Finding("runtime", "good", words)
    for passed_over in engine.passed_over:
        yield Finding("runtime", "warning", f"not used: {passed_over}")
    others = [
        f"{state.name}: {state.why_not or 'can be used'}"
        for state in runtime_states()
        if state.name != engine.runtime
    ]
    yield Finding("other runtimes", "good", "; ".join(others))


def _sandbox(settings: Settings) -> Iterator[Finding]:
    found = shutil.which("bwrap")
    if settings.sandbox == "off":
        yield Finding("sandbox", "warning", "bubblewrap is switched off; resource limits apply")
    elif found:
        yield Finding("sandbox", "good", f"bubblewrap at {found}, beside resource limits")
    elif settings.sandbox == "require":
        yield Finding("sandbox", "bad", "bubblewrap is required and not installed")
    else:
        words = "bubblewrap is not installed (apt-get install bubblewrap); resource limits apply"
        yield Finding("sandbox", "warning", words)
    if is_root():
        yield Finding("account", "warning", "this runs as root; an account of its own is safer")


def _clock(settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    if now < SOFTWARE_DATE:
        yield Finding("clock", "bad", f"it shows {now:%Y-%m-%d}: set it, times are evidence")
        return
    newest = max(
        (path.stat().st_mtime for path in settings.data_dir.glob("*.sqlite*")), default=0.0
    )
    if datetime.fromtimestamp(newest, UTC) > now + timedelta(minutes=5):
        yield Finding("clock", "bad", "it was set back: the database is from the future")
    else:
        yield Finding("clock", "good", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _proxy(settings: Settings) -> Iterator[Finding]:
    """The proxy by which sites are visited: without it nothing can be looked at."""
    try:
        proxy = proxy_of(
            settings.socks_proxy,
            onion=settings.socks_onion,
            user=settings.socks_user,
            password=settings.effective_socks_password,
        )
    except LikenessError as error:
        yield Finding("proxy", "bad", str(error))
        return
    if proxy is None:
        return
    try:
        greet_proxy(proxy, timeout_s=5.0)
    except ProxyError as error:
        yield Finding("proxy", "bad", f"{settings.socks_proxy}: {error}; no site can be visited")
        return
    onion = ", onion services too" if proxy.onion else ""
    yield Finding("proxy", "good", f"sites are visited by {settings.socks_proxy} alone{onion}")


def _settings_that_weaken(settings: Settings) -> Iterator[Finding]:
    if not settings.address_exceptions:
        return
    try:
        address_exceptions(settings.address_exceptions)
    except LikenessError as error:
        yield Finding("address exceptions", "bad", str(error))
        return
    words = f"{', '.join(settings.address_exceptions)} may be contacted although not public"
    yield Finding("address exceptions", "warning", words)
