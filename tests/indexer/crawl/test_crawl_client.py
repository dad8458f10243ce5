"""The worker's side: what happens when the child dies, is slow, or is given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from indexer.crawl.client import CrawlChildDied, CrawlClient
from indexer.crawl.messages import Fetch, FetchRefused, MediumFetched, OpenSlice, PageSeen
from indexer.errors import IndexerError
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import HostileSite


def no_wait(host: str, delay_s: float) -> float:
    return 0.0


def pictures(site: HostileSite, count: int) -> list[Fetch]:
    return [
        Fetch(f"t{n}", site.put(f"/{n}.png", hostile.picture()), "medium", 0) for n in range(count)
    ]


def test_a_child_killed_in_the_middle_names_its_open_tickets_and_a_new_one_serves(
    site: HostileSite,
) -> None:
    fetches = pictures(site, 3)
    stuck = [Fetch(f"stuck{n}", site.put(f"/s{n}", hostile.silence()), "medium", 0) for n in "ab"]
    with CrawlClient(max_open=4) as client:
        answered = []
        with pytest.raises(CrawlChildDied) as died:
            for result in client.run_slice("s", site.scope(), [*stuck, *fetches], no_wait):
                answered.append(result.ticket)
                if len(answered) == 3:
                    first_child = client.process_id
                    assert first_child is not None
                    os.kill(first_child, signal.SIGKILL)
        assert sorted(answered) == ["t0", "t1", "t2"]
        assert sorted(died.value.open_tickets) == ["stucka", "stuckb"]
        assert "stucka" in str(died.value)
        again = list(client.run_slice("s2", site.scope(), pictures(site, 2), no_wait))
        assert [type(result) for result in again] == [MediumFetched, MediumFetched]
        assert client.process_id != first_child


def test_a_child_that_died_between_slices_is_replaced(site: HostileSite) -> None:
    with CrawlClient() as client:
        list(client.run_slice("1", site.scope(), pictures(site, 1), no_wait))
        assert client.process_id is not None
        os.kill(client.process_id, signal.SIGKILL)
        os.waitid(os.P_PID, client.process_id, os.WEXITED | os.WNOWAIT)
        assert len(list(client.run_slice("2", site.scope(), pictures(site, 1), no_wait))) == 1


def test_a_slice_that_is_given_up_ends_the_child_and_the_next_one_works(site: HostileSite) -> None:
    with CrawlClient() as client:
        results = client.run_slice("1", site.scope(), pictures(site, 5), no_wait)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert client.process_id is None
        assert len(list(client.run_slice("2", site.scope(), pictures(site, 2), no_wait))) == 2


def test_a_silent_child_is_ended(site: HostileSite) -> None:
    def deaf_child() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.buffer.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    client = CrawlClient(grace_s=0.1, start=deaf_child)
    with pytest.raises(CrawlChildDied, match="silent") as died:
        list(
            client.run_slice(
                "s", site.scope(timeout_s=0.1, medium_timeout_s=0.1), pictures(site, 1), no_wait
            )
        )
    assert died.value.open_tickets == ("t0",)


@pytest.mark.parametrize("noise", ["print('hello')", "pass"])
def test_a_child_that_does_not_speak_the_language_is_a_clear_error(
    site: HostileSite, noise: str
) -> None:
    def wrong_child() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", noise], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    with pytest.raises(CrawlChildDied):
        list(
            CrawlClient(start=wrong_child).run_slice("s", site.scope(), pictures(site, 1), no_wait)
        )


def test_no_more_than_the_agreed_number_is_open_at_once(site: HostileSite) -> None:
    given: list[int] = []
    remaining = pictures(site, 30)

    def source(room: int) -> Sequence[Fetch]:
        taken, remaining[:] = remaining[:room], remaining[room:]
        given.append(len(taken))
        return taken

    done = 0
    with CrawlClient(max_open=4) as client:
        for _ in client.run_slice("s", site.scope(), source, no_wait):
            done += 1
            assert sum(given) - done < 4
    assert done == 30


def test_addresses_that_turn_up_while_crawling_are_fetched_in_the_same_slice(
    site: HostileSite,
) -> None:
    frontier = [Fetch("0", site.put("/", hostile.page("<a href=/1>x</a>")), "page", 0)]
    site.put("/1", hostile.page("<img src=/2.png>"))
    site.put("/2.png", hostile.picture())

    def source(room: int) -> Sequence[Fetch]:
        taken, frontier[:] = frontier[:room], frontier[room:]
        return taken

    kinds = []
    with CrawlClient() as client:
        for result in client.run_slice("s", site.scope(), source, no_wait):
            kinds.append(type(result))
            for link in result.links if isinstance(result, PageSeen) else ():
                frontier.append(Fetch(link.url, link.url, link.kind, 1))
    assert kinds == [PageSeen, PageSeen, MediumFetched]


def test_an_empty_slice_opens_and_closes(site: HostileSite) -> None:
    with CrawlClient() as client:
        assert list(client.run_slice("s", site.scope(), [], no_wait)) == []


def test_the_same_ticket_twice_is_refused(site: HostileSite) -> None:
    fetch = pictures(site, 1)[0]
    with CrawlClient() as client, pytest.raises(ValueError, match="already open"):
        list(client.run_slice("s", site.scope(), [fetch, fetch], no_wait))


def test_the_child_ends_when_the_worker_is_gone() -> None:
    client = CrawlClient()
    child = client._running_child().process
    client.close()
    assert child.returncode == 0


def test_a_stray_print_in_the_child_does_not_break_the_wire(site: HostileSite) -> None:
    """The child's own standard output goes to standard error once the wire is up."""
    code = (
        "import os, sys\n"
        "from indexer.crawl.child import channel_of_child\n"
        "from indexer.crawl.messages import FetchRefused, SliceClosed, WorkerMessage\n"
        "channel = channel_of_child(WorkerMessage)\n"
        "print('stray'); os.write(1, b'stray too')\n"
        "opened = channel.receive(); fetch = channel.receive()\n"
        "channel.send(FetchRefused(fetch.ticket, fetch.url, 'timeout', 'x'))\n"
        "channel.receive(); channel.send(SliceClosed(opened.slice_id))\n"
    )

    def chatty_child() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    client = CrawlClient(start=chatty_child)
    (result,) = client.run_slice("s", site.scope(), pictures(site, 1), no_wait)
    assert isinstance(result, FetchRefused)
    client.close()


def test_the_child_has_no_secret_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_MASTER_KEY", "secret")
    client = CrawlClient()
    process = client._running_child().process
    with open(f"/proc/{process.pid}/environ", "rb") as environment:  # noqa: PTH123
        assert b"LIKENESS" not in environment.read()
    client.close()


def test_the_child_leaves_no_core(site: HostileSite) -> None:
    with CrawlClient() as client:
        list(client.run_slice("s", site.scope(), [], no_wait))
        with open(f"/proc/{client.process_id}/limits") as limits:  # noqa: PTH123
            (line,) = [line for line in limits if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"]


def test_an_error_of_the_caller_ends_the_slice_and_stays_itself(site: HostileSite) -> None:
    class LeaseError(IndexerError):
        """The worker's database is away."""

    def failing(host: str, delay_s: float) -> float:
        raise LeaseError("no lease")

    with CrawlClient() as client:
        with pytest.raises(LeaseError):
            list(client.run_slice("s", site.scope(), pictures(site, 1), failing))
        assert client.process_id is None


def test_a_second_slice_inside_a_slice_ends_the_child() -> None:
    """The protocol has one slice at a time; a child that is told otherwise gives up loudly."""
    client = CrawlClient()
    child = client._running_child()
    from indexer.crawl.messages import Scope

    child.channel.send(OpenSlice("1", Scope(allowed_hosts=())))
    child.channel.send(OpenSlice("2", Scope(allowed_hosts=())))
    assert child.process.wait(20) != 0
    client.close()
