"""Which chromium an operator names, from wherever Likeness is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.crawl.browser_start import BrowserProcess
from indexer.crawl.messages import Rendering
from service.settings import Settings


def test_a_relative_path_is_taken_from_the_folder_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(chromium="browsers/chromium").chromium == str(tmp_path / "browsers/chromium")
    monkeypatch.setenv("LIKENESS_CHROMIUM", "./chromium")
    assert Settings().chromium == str(tmp_path / "chromium")


def test_a_whole_path_stays_and_none_means_the_one_of_this_machine() -> None:
    assert Settings(chromium="/usr/bin/chromium").chromium == "/usr/bin/chromium"
    assert Settings().chromium == ""


@pytest.mark.browser
def test_a_browser_that_was_named_by_a_relative_path_starts_in_its_sandbox(
    chromium_path: str, rendering_works: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = Path(chromium_path)
    monkeypatch.chdir(named.parent)
    rendering = Rendering(chromium=Settings(chromium=named.name).chromium)
    browser = BrowserProcess(rendering, user_agent="test", max_page_bytes=1000)
    try:
        assert browser.version
    finally:
        browser.end()
