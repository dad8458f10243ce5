"""Can pages that need JavaScript be rendered here? Only asked where a site needs it.

Chromium is started and ended; it visits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from indexer.crawl.browser_start import BrowserMissingError, BrowserProcess
from service.database import Database
from service.settings import Settings
from service.sources.scopes import rendering_by, sites_that_need_script
from service.work.findings import Finding

_NAME = "browser"
_MAX_PAGE_BYTES = 1024 * 1024


def examine_browser(settings: Settings) -> Iterator[Finding]:
    """Whether chromium starts, where a site needs it; nothing where none does."""
    if not settings.database_url and not (settings.data_dir / "likeness.sqlite").is_file():
        return
    database = Database.open(settings.effective_database_url)
    try:
        with database.read() as session:
            sites = sites_that_need_script(session)
    except SQLAlchemyError as error:
        yield Finding(_NAME, "bad", f"the sites cannot be read ({type(error).__name__})")
        return
    finally:
        database.close()
    if not sites:
        return
    try:
        browser = BrowserProcess(
            rendering_by(settings),
            user_agent=settings.user_agent,
            max_page_bytes=_MAX_PAGE_BYTES,
        )
    except BrowserMissingError as error:
        named = ", ".join(sites[:3]) + ("" if len(sites) <= 3 else f" and {len(sites) - 3} more")
        yield Finding(_NAME, "bad", f"{error}. Runs of {named} are blind until then")
        return
    browser.end()
    words = f"chromium {browser.version} for {len(sites)} site(s), inside {browser.sandbox} sandbox"
    only_one = "bubblewrap" not in browser.sandbox
    yield Finding(_NAME, "warning" if only_one else "good", words)
