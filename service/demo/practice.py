"""The demo's site and person, for practising in the browser."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.demo.pictures import person_pictures
from service.demo.server import LoopbackServer
from service.demo.site import built_in
from service.errors import NotConfiguredError


@dataclass(frozen=True, slots=True)
class PracticeSite:
    """The site while it is served. `brought` is the path of a picture that nothing links to."""

    url: str
    host: str
    brought: str

    def wait(self) -> None:
        """Return when somebody presses Ctrl-C."""
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def write_photos(folder: Path) -> tuple[Path, ...]:
    """Write the person's reference photos into `folder`, to be given on the enrolment's page."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in person_pictures().references:
        written.append(folder / name)
        written[-1].write_bytes(content)
    return tuple(written)


@contextmanager
def practice_site(port: int) -> Iterator[PracticeSite]:
    """Serve the built-in site on `port` of this machine while the context lasts."""
    try:
        server = LoopbackServer(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise NotConfiguredError(
            f"Port {port} is in use; choose another one with --port."
        ) from error
    with server, LoopbackServer() as unlisted:
        site = built_in(person_pictures(), unlisted.port)
        server.serve(*site.items)
        brought = site.brought.medium if site.brought is not None else ""
        yield PracticeSite(server.url, server.host, brought)
