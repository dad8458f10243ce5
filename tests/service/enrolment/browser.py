"""A browser without JavaScript: follows forms as they stand on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi.testclient import TestClient
from httpx import Response
from parsel import Selector

from service.app import create_web
from tests.service.enrolment.people_factory import House

Value = str | Sequence[str]


class Browser:
    """Reads pages and submits their forms with the fields that they have."""

    def __init__(self, house: House) -> None:
        self.client = TestClient(create_web(house.rooms), base_url="http://127.0.0.1:8000")
        self.page = Selector("<html></html>")
        self.response: Response | None = None

    def open(self, path: str, status: int = 200) -> str:
        """Open a page; returns its text."""
        return self._keep(self.client.get(path), status)

    def submit(
        self,
        action: str,
        fields: Mapping[str, Value] | None = None,
        *,
        files: Sequence[tuple[str, tuple[str, bytes, str]]] = (),
        status: int = 200,
    ) -> str:
        """Submit the page's form with this action: hidden fields as they are, plus `fields`."""
        forms = self.page.xpath(f"//form[@action='{action}']")
        assert forms, (action, self.page.xpath("//form/@action").getall())
        hidden = {
            one.attrib["name"]: one.attrib.get("value", "")
            for one in forms[0].xpath(".//input[@type='hidden']")
        }
        names = set(forms[0].xpath(".//*[@name]/@name").getall())
        assert set(fields or {}) <= names, f"{set(fields or {}) - names} not in the form"
        data = {**hidden, **(fields or {})}
        return self._keep(self.client.post(action, data=data, files=files or None), status)

    def bytes_of(self, path: str, status: int = 200) -> bytes:
        """The bytes at an address, such as a picture of the page."""
        response = self.client.get(path)
        assert response.status_code == status, response.text
        return response.content

    def sign_in_as(self, token: str) -> None:
        """Carry a session's cookie."""
        self.client.cookies.clear()
        self.client.cookies.set("session", token)

    def _keep(self, response: Response, status: int) -> str:
        self.response = response
        assert response.status_code == status, (response.status_code, response.text)
        self.page = Selector(response.text)
        for check in ("//script[not(@src)]", "//*[@style]", "//*[@onclick]"):
            assert not self.page.xpath(check), f"{check} on {response.url}"
        return " ".join(self.page.xpath("//main//text()").getall())
