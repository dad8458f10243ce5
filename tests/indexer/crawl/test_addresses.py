from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.crawl.addresses import (
    AddressNotPublicError,
    HostNotFoundError,
    NotAnAddressError,
    check_address,
    is_public,
    may_contact,
    meant_address,
    numeric_host,
    vetted_addresses,
)
from indexer.crawl.messages import AddressException

NOT_PUBLIC = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2a00:1450::5efe:7f00:1",
    "2a00:1450::200:5efe:a00:1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "8.8.8.8",
    "93.184.215.14",
    "2a00:1450:4001:831::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
SPELLINGS_OF_LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0X7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_not_everyone_can_reach_is_refused(address: str) -> None:
    with pytest.raises(AddressNotPublicError, match="not a public address"):
        check_address(address, 80)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_contacted(address: str) -> None:
    check_address(address, 443)


@pytest.mark.parametrize("host", SPELLINGS_OF_LOOPBACK)
def test_every_spelling_of_loopback_is_refused_without_resolving(host: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("a literal must not be resolved")

    with pytest.raises(AddressNotPublicError):
        vetted_addresses(host, 80, (), never)


@pytest.mark.parametrize("host", ["256.1.1.1", "1.2.3.4.5", "0x1ffffffff", "08.1.1.1", "a.b.1"])
def test_a_number_that_is_no_address_is_an_error_and_not_a_name(host: str) -> None:
    with pytest.raises(NotAnAddressError):
        numeric_host(host)


@pytest.mark.parametrize("host", ["example.org", "0x7f.example", "1.example", "dead.beef"])
def test_a_name_is_a_name(host: str) -> None:
    assert numeric_host(host) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "0{:o}"]))
def test_numbers_mean_what_the_systems_own_parser_says(value: int, form: str) -> None:
    text = form.format(value)
    assert str(numeric_host(text)) == socket.inet_ntoa(socket.inet_aton(text))


@given(st.ip_addresses(v=4))
def test_a_carried_address_is_judged_like_the_address_itself(v4: ipaddress.IPv4Address) -> None:
    number = int(v4)
    carriers = [
        ipaddress.IPv6Address(f"::ffff:{v4}"),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
    ]
    for carrier in carriers:
        if is_public(meant_address(str(carrier))):
            assert is_public(v4)


@given(st.ip_addresses())
def test_nothing_that_python_calls_special_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        assert not (
            address.is_private
            or address.is_loopback
            or address.is_link_local
            or address.is_multicast
            or address.is_unspecified
        )


def test_an_exception_is_one_address_and_one_port() -> None:
    exceptions = (AddressException("127.0.0.1", 8080),)
    assert may_contact("127.0.0.1", 8080, exceptions)
    assert may_contact("::ffff:127.0.0.1", 8080, exceptions)
    assert not may_contact("127.0.0.1", 8081, exceptions)
    assert not may_contact("127.0.0.2", 8080, exceptions)
    assert not may_contact("::1", 8080, exceptions)


def test_of_several_answers_only_public_ones_are_kept_in_order() -> None:
    answers = ["10.0.0.1", "8.8.8.8", "::1", "8.8.4.4", "8.8.8.8"]
    assert vetted_addresses("x.test", 80, (), lambda host, port: answers) == ("8.8.8.8", "8.8.4.4")


def test_a_name_with_private_answers_only_is_refused() -> None:
    with pytest.raises(AddressNotPublicError):
        vetted_addresses("x.test", 80, (), lambda host, port: ["10.0.0.1", "127.0.0.1"])


def test_a_name_without_answers_is_not_found() -> None:
    with pytest.raises(HostNotFoundError):
        vetted_addresses("x.test", 80, (), lambda host, port: [])
