"""The browser process by itself: what it starts in, when it refuses, and that it is shut by itself.

Where bubblewrap takes the network away nothing tests chromium's own switches; here they are alone.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from indexer.crawl import browser_start
from indexer.crawl.browser_messages import (
    BrowserNotThere,
    BrowserSettings,
    FromBrowser,
    RenderPage,
    ResourceGiven,
    ResourceWanted,
    ToBrowser,
)
from indexer.crawl.browser_start import BrowserMissingError, BrowserProcess
from indexer.crawl.messages import Rendering
from indexer.wire import Channel
from tests.fixtures.forbidden_port import LOOPBACK, ForbiddenPort, forbidden_port

SETTINGS = BrowserSettings("/nowhere", "test", True, 1 << 30, 1 << 20, 60)


def started(rendering: Rendering) -> BrowserProcess:
    return BrowserProcess(rendering, user_agent="test", max_page_bytes=1000)


class TestStarting:
    def test_a_chromium_that_is_not_there_is_named(self) -> None:
        with pytest.raises(BrowserMissingError, match="there is no chromium at /nowhere"):
            started(Rendering(chromium="/nowhere"))

    def test_without_any_chromium_it_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(browser_start, "NAMES", ("no-such-browser",))
        with pytest.raises(BrowserMissingError, match="apt-get install chromium"):
            started(Rendering())

    def test_bubblewrap_that_is_required_and_missing_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(browser_start, "find_bubblewrap", lambda: None)
        with pytest.raises(BrowserMissingError, match="install bubblewrap"):
            started(Rendering(chromium=sys.executable, sandbox="require"))

    def test_a_program_that_is_no_chromium_is_an_error(self) -> None:
        with pytest.raises(BrowserMissingError, match="could not be started"):
            started(Rendering(chromium="/bin/false", sandbox="off"))

    def test_without_playwright_it_says_how_to_install_it(self) -> None:
        code = (
            "import sys; sys.modules['playwright.async_api'] = None;"
            "from indexer.crawl.browser import main; main()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with process:
            channel: Channel[ToBrowser, FromBrowser] = Channel(
                cast(BinaryIO, process.stdout), cast(BinaryIO, process.stdin), FromBrowser
            )
            channel.send(SETTINGS)
            answer = channel.receive()
            process.stdin.close() if process.stdin else None
        assert isinstance(answer, BrowserNotThere)
        assert "make browser" in answer.message


@pytest.mark.browser
@pytest.mark.usefixtures("rendering_works")
class TestItsSandbox:
    def test_root_is_never_given_a_browser_without_a_sandbox(self) -> None:
        if os.geteuid() != 0:
            pytest.skip("this is not root: chromium's own sandbox may well work")
        with pytest.raises(BrowserMissingError, match="never runs as root without bubblewrap"):
            started(Rendering(sandbox="off"))

    def test_it_says_what_it_runs_in_and_ends_with_all_its_files(self) -> None:
        browser = started(Rendering())
        assert browser.version.split(".")[0].isdecimal()
        assert "chromium’s own" in browser.sandbox
        folder = browser._files.name if browser._files is not None else None
        browser.end()
        browser.end()
        assert browser._process.returncode is not None
        assert folder is None or not Path(folder).exists()


@pytest.fixture
def forbidden() -> Iterator[ForbiddenPort]:
    with forbidden_port() as port:
        yield port


@pytest.mark.browser
@pytest.mark.slow
def test_chromiums_switches_alone_leave_a_page_no_way_to_the_network(
    chromium_path: str, forbidden: ForbiddenPort
) -> None:
    code = f"""
      const quietly = (act) => {{ try {{ act() }} catch (e) {{}} }};
      const at = '127.0.0.1:{forbidden.port}';
      quietly(() => {{ new WebSocket(`ws://${{at}}/`) }});
      quietly(() => {{ new WebSocket('ws://localhost:{forbidden.port}/') }});
      quietly(() => {{ new WebTransport(`https://${{at}}/`) }});
      quietly(() => {{ new EventSource(`http://${{at}}/`) }});
      quietly(() => {{ navigator.sendBeacon(`http://${{at}}/`, 'x') }});
      quietly(() => {{ fetch(`http://${{at}}/`, {{method: 'POST', keepalive: true}}) }});
      quietly(() => {{ navigator.serviceWorker.register('/sw.js') }});
      quietly(() => {{ window.open(`http://${{at}}/`) }});
      quietly(() => {{
        const rtc = new RTCPeerConnection({{iceServers: [
          {{urls: `stun:${{at}}`}}, {{urls: `turn:${{at}}?transport=tcp`, username: 'a',
            credential: 'b'}}]}});
        rtc.createDataChannel('x');
        rtc.createOffer().then(offer => rtc.setLocalDescription(offer));
      }});
      setTimeout(() => {{ document.title = 'all was tried' }}, 700);
    """
    html = (
        f"<title>t</title><link rel=preconnect href=http://{LOOPBACK}:{forbidden.port}>"
        f"<link rel=prefetch href=http://{LOOPBACK}:{forbidden.port}/p>"
        f'<script type=speculationrules>{{"prerender": [{{"urls": ["/next"]}}]}}</script>'
        f"<iframe src=http://{LOOPBACK}:{forbidden.port}/f></iframe><script>{code}</script>"
    )
    wanted: list[ResourceWanted] = []

    async def nothing(asked: ResourceWanted) -> ResourceGiven | None:
        wanted.append(asked)
        return None

    async def visit() -> str:
        from playwright.async_api import async_playwright

        from indexer.crawl.browser import ARGUMENTS
        from indexer.crawl.browser_page import PageVisit

        async with async_playwright() as playwright:
            # No network namespace and no sandbox here: the site is ours.
            chromium = await playwright.chromium.launch(
                executable_path=chromium_path, args=[*ARGUMENTS, "--no-sandbox"]
            )
            order = RenderPage(
                1, "https://site.example/", (("content-type", "text/html"),), html.encode()
            )
            page = await PageVisit(chromium, order, SETTINGS, nothing).render()
            await chromium.close()
            return page.html

    titles: list[str] = []
    # In a thread: the driver of another test module may count as running in this one.
    running = threading.Thread(target=lambda: titles.append(asyncio.run(visit())))
    running.start()
    running.join(60.0)
    assert "all was tried" in titles[0]
    assert forbidden.came == []
    assert [asked.url for asked in wanted] == [], "a frame, a beacon and a POST are never asked for"
