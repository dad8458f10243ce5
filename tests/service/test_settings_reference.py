"""The settings reference is the settings' own words."""

from __future__ import annotations

from pathlib import Path

from service.settings import Settings
from service.settings_reference import main, settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_in_docs_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page(), "run `make docs`"


def test_every_setting_has_its_section() -> None:
    page = settings_page()
    for name in Settings.model_fields:
        assert f"## `LIKENESS_{name.upper()}`" in page


def test_no_machine_dependent_default_is_shown() -> None:
    assert str(Path.home()) not in settings_page()


def test_the_page_can_be_written(tmp_path: Path) -> None:
    main([str(tmp_path / "settings.md")])
    assert (tmp_path / "settings.md").read_text(encoding="utf-8") == settings_page()
