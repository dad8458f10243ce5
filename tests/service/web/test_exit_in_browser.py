"""Leaving, in a real browser: one tap, or a key three times, with and without scripts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from service.app import build_rooms, create_web
from service.settings import Settings
from tests.fixtures.visitor import PHONE

pytestmark = pytest.mark.browser

NEUTRAL = "/static/icon.svg"


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    """A served application whose neutral page is one of its own pictures."""
    rooms = build_rooms(settings)
    server = uvicorn.Server(
        uvicorn.Config(create_web(rooms), port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    settings.exit_url = base + NEUTRAL
    yield base
    server.should_exit = True
    thread.join()
    rooms.close()


def page_of(browser: Browser, *, javascript: bool = True) -> Page:
    context = browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]}, java_script_enabled=javascript
    )
    return context.new_page()


@pytest.mark.parametrize("javascript", [True, False])
def test_one_tap_leaves(browser: Browser, url: str, javascript: bool) -> None:
    page = page_of(browser, javascript=javascript)
    page.goto(f"{url}/privacy")
    exit_link = page.locator("#exit")
    assert exit_link.is_visible()
    box = exit_link.bounding_box()
    assert box is not None
    assert box["height"] >= 44, "large enough for a thumb"
    assert box["y"] + box["height"] <= PHONE[1], "in sight without scrolling"
    page.evaluate("window.scrollTo(0, 600)") if javascript else None
    exit_link.click()
    page.wait_for_url(f"**{NEUTRAL}")


@pytest.mark.parametrize("key", ["Escape", "Shift"])
def test_a_key_three_times_leaves_and_back_does_not_lead_here_again(
    browser: Browser, url: str, key: str
) -> None:
    page = page_of(browser)
    page.goto(f"{url}/help")
    page.goto(f"{url}/privacy")
    for _ in range(3):
        page.keyboard.press(key)
    page.wait_for_url(f"**{NEUTRAL}")
    page.go_back()
    assert page.url == f"{url}/help", "the page that was left is not in the tab's own history"


def test_typing_words_with_capitals_does_not_leave(browser: Browser, url: str) -> None:
    page = page_of(browser)
    page.goto(f"{url}/staff/sign-in")
    page.locator("#username").press_sequentially("ABCdefGHI")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.url == f"{url}/staff/sign-in"
    assert page.locator("#username").input_value() == "ABCdefGHI"


def test_the_page_is_covered_before_the_network_answers(browser: Browser, url: str) -> None:
    page = page_of(browser)
    page.goto(f"{url}/help")
    covered = page.evaluate(
        """() => {
            document.getElementById("exit").click();
            return [getComputedStyle(document.body).visibility, document.title];
        }"""
    )
    assert covered == ["hidden", "New tab"]
    page.wait_for_url(f"**{NEUTRAL}")
