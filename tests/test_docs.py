"""The documentation names only what exists: tests, files, make targets, commands, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from service.cli import build_cli
from service.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_test_that_is_named_exists(page: Path) -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    existing = set(re.findall(r"def (test_\w+)", text))
    files = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
    assert named - existing - files == set()


def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z]+)`?$", page.read_text(encoding="utf-8"), re.MULTILINE))
    named |= set(re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8")))
    assert named - targets == set()


def test_every_command_that_is_named_exists(page: Path) -> None:
    commands = typer.main.get_command(build_cli())
    for line in re.findall(r"`likeness ([a-z][a-z -]*)", page.read_text(encoding="utf-8")):
        node = commands
        for word in line.split():
            children = getattr(node, "commands", None)
            if not children or word.startswith("-"):
                break
            assert word in children, f"likeness {line}"
            node = children[word]


def test_every_setting_that_is_named_exists(page: Path) -> None:
    not_settings = {"LIKENESS_CHAOS", "LIKENESS_TEST_DATA", "LIKENESS_SCREENSHOTS"}
    existing = {f"LIKENESS_{name.upper()}" for name in Settings.model_fields} | not_settings
    named = set(re.findall(r"\bLIKENESS_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
    assert named - existing == set()
