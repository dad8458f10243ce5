"""Pages without a browser: forms are sent as the page gave them, redirects are not followed."""

from __future__ import annotations

import re
import warnings
from typing import Any

from fastapi import FastAPI
from httpx import Response

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

BASE_URL = "http://127.0.0.1:8000"
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


class PageClient:
    """One browser's cookies and the token of the last form that it was shown."""

    def __init__(self, app: FastAPI, base_url: str = BASE_URL) -> None:
        self.http = TestClient(
            app, base_url=base_url, follow_redirects=False, raise_server_exceptions=False
        )
        self.csrf = ""

    def get(self, path: str, **options: Any) -> Response:
        """A page; the token of its form is remembered."""
        answer: Response = self.http.get(path, **options)
        self._note(answer)
        return answer

    def post(self, path: str, /, *, csrf: str | None = None, **fields: str) -> Response:
        """A form, with the token of the last page unless another one is given."""
        data = {"csrf": self.csrf if csrf is None else csrf, **fields}
        answer: Response = self.http.post(path, data=data)
        self._note(answer)
        return answer

    def _note(self, answer: Response) -> None:
        found = _TOKEN.search(answer.text)
        if found:
            self.csrf = found.group(1)
