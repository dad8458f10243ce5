"""A whole application over a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from service.accounts import passwords
from service.app import Rooms, build_rooms, create_web
from service.settings import Settings
from tests.fixtures.databases import SqliteTemplate
from tests.service.web.page_client import PageClient

PASSWORD = "four unrelated words do"


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same algorithm with little memory."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 64, 1))
    passwords.hash_for_nobody.cache_clear()
    yield
    passwords.hash_for_nobody.cache_clear()


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: SqliteTemplate) -> Settings:
    """An installation of this test's own, with its tables."""
    sqlite_template.new_migrated_url(tmp_path)
    return Settings(data_dir=tmp_path, max_upload_bytes=1024 * 1024)


@pytest.fixture
def rooms(settings: Settings) -> Iterator[Rooms]:
    """Every room."""
    built = build_rooms(settings)
    yield built
    built.close()


@pytest.fixture
def app(rooms: Rooms) -> FastAPI:
    """The web over the rooms."""
    return create_web(rooms)


@pytest.fixture
def client(app: FastAPI) -> PageClient:
    """A browser of somebody who is not signed in."""
    return PageClient(app)


@pytest.fixture
def operator(app: FastAPI, rooms: Rooms) -> PageClient:
    """The browser of the first operator, set up by the pages."""
    browser = PageClient(app)
    with rooms.database.write() as session:
        token = rooms.accounts.create_setup_link(session)
    browser.get(f"/setup/{token}")
    answer = browser.post(
        f"/setup/{token}", organisation_name="Helpline One", username="olga", password=PASSWORD
    )
    assert answer.status_code == 303
    browser.get("/account")
    return browser


def bearer(rooms: Any, username: str) -> dict[str, str]:
    """Headers of a program that signed in."""
    token = rooms.accounts.sign_in_staff(
        rooms.database, username, PASSWORD, "", "198.51.100.1"
    ).token
    return {"Authorization": f"Bearer {token}"}
