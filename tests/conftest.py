"""What every test may ask for: databases of both kinds, a clock, a vault, real photographs.

An autouse guard fails any test that contacts another machine.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from indexer.crawl.browser_start import BrowserMissingError, BrowserProcess
from indexer.crawl.messages import Rendering
from service.database import Database
from service.vault.vault import Vault
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import PostgresServer, SqliteTemplate
from tests.fixtures.network_guard import NetworkGuard, guarded

ON_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


@pytest.fixture(autouse=True)
def network_guard() -> Iterator[NetworkGuard]:
    """Fails the test that tries to contact anything but this machine."""
    with guarded() as guard:
        yield guard
    assert guard.refused == [], "something in this test tried to leave the machine"


@pytest.fixture(autouse=True)
def ordinary_scheduling() -> Iterator[None]:
    """Fails the test after which this process, and all it starts, would be served before any other.

    Encoders may ask for it as root (SVT-AV1 does): two such processes hold two cores for good.
    """
    yield
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        pytest.fail("a library made this process a real-time one; children inherit that")


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still until the test moves it."""
    return SettableClock()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """An empty vault of this test's own."""
    return Vault.open(tmp_path / "vault", tmp_path / "files")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A private PostgreSQL, started once when the first test asks for it.

    Not below pytest's own folder: run as root, the server works under another account, and each
    start of pytest closes that folder to other accounts.
    """
    with tempfile.TemporaryDirectory(prefix="likeness-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy address of an empty PostgreSQL database of this test's own."""
    url = postgres_server.new_url()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The SQLAlchemy address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'empty.sqlite'}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    """A SQLite file at the newest migration, made when the first test asks for it."""
    return SqliteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: SqliteTemplate
) -> Iterator[str]:
    """The address of a migrated, empty database; the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield sqlite_template.new_migrated_url(tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.new_migrated_url()
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database; the test runs on SQLite and on PostgreSQL."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(tmp_path: Path, sqlite_template: SqliteTemplate) -> Iterator[Database]:
    """A migrated, empty SQLite database, for tests in which the kind cannot matter."""
    opened = Database.open(sqlite_template.new_migrated_url(tmp_path))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder with real test data that is not part of this repository; skips without it."""
    named = os.environ.get("LIKENESS_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there is no real test data in {folder} (set LIKENESS_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's chromium; its absence is a failure on CI and a skip elsewhere."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if ON_CI:
            pytest.fail("chromium is missing: .ci/run installs it")
        pytest.skip("chromium is not installed (apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def rendering_works(chromium_path: str) -> None:
    """Pages are only ever rendered inside a sandbox: without one that works here, a skip."""
    try:
        BrowserProcess(Rendering(), user_agent="test", max_page_bytes=1000).end()
    except BrowserMissingError as error:
        pytest.skip(f"pages cannot be rendered here: {error}")


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Debian's chromium without a window; it contacts nothing by itself.

    It ends with its module: while the driver runs, its event loop counts as running in this thread,
    and neither a second driver nor the durable engine starts beside it.
    """
    arguments = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-domain-reliability",
        "--disable-sync",
        "--no-first-run",
        "--no-pings",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # chromium refuses its sandbox to root
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield started
        started.close()
