"""The guard that keeps every test on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.fixtures.network_guard import NetworkGuard


@pytest.fixture
def nothing_leaves(
    monkeypatch: pytest.MonkeyPatch, network_guard: NetworkGuard
) -> Iterator[NetworkGuard]:
    """Expects refusals: whatever the guard noted is forgotten when the test is over."""
    yield network_guard
    assert network_guard.refused
    network_guard.refused.clear()


@pytest.mark.parametrize("call", ["connect", "connect_ex"])
def test_a_connection_to_another_machine_fails_the_test(
    nothing_leaves: NetworkGuard, call: str
) -> None:
    with socket.socket() as outgoing, pytest.raises(pytest.fail.Exception, match="loopback"):
        getattr(outgoing, call)(("192.0.2.1", 80))


def test_a_datagram_to_another_machine_fails_the_test(nothing_leaves: NetworkGuard) -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as outgoing,
        pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"),
    ):
        outgoing.sendto(b"anything", ("192.0.2.1", 53))


def test_a_name_is_not_looked_up(nothing_leaves: NetworkGuard) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"look up host\.invalid"):
        socket.create_connection(("host.invalid", 80))


def test_this_machine_can_be_contacted() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1])) as client,
    ):
        accepted, _ = server.accept()
        accepted.sendall(b"here")
        accepted.close()
        assert client.recv(10) == b"here"
