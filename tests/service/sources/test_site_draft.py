"""A site's description is checked before anything is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.crawl.messages import AddressException
from service.errors import LikenessError
from service.sources.errors import SiteInvalidError
from service.sources.site_draft import Canary, SiteDraft, checked
from service.sources.timetable import check_cron
from tests.service.sources.sources_factory import DRAFT


def refused_field(**changes: object) -> str:
    with pytest.raises(SiteInvalidError) as caught:
        checked(replace(DRAFT, **changes))
    return caught.value.field


def test_seeds_get_their_canonical_spelling_and_their_hosts_are_allowed() -> None:
    clean = checked(replace(DRAFT, seeds=("HTTP://Forum.EXAMPLE:80/a/../b", "other.example")))
    assert clean.seeds == ("http://forum.example/b", "https://other.example/")
    assert clean.allowed_hosts == ("forum.example", "other.example")


def test_pages_are_rendered_only_where_somebody_said_so() -> None:
    assert not checked(DRAFT).needs_script
    clean = checked(replace(DRAFT, needs_script=True, script_hosts=("CDN.example:8080",)))
    assert clean.script_hosts == ("cdn.example:8080",)


def test_hosts_of_scripts_need_the_switch_and_are_exact_names() -> None:
    assert refused_field(script_hosts=("cdn.example",)) == "script_hosts"
    assert refused_field(needs_script=True, script_hosts=("*.example",)) == "script_hosts"


def test_a_seed_outside_the_allowed_hosts_is_refused() -> None:
    assert refused_field(allowed_hosts=("another.example",)) == "seeds"


def test_a_seed_outside_the_allowed_paths_is_refused() -> None:
    assert refused_field(path_prefixes=("/elsewhere",)) == "seeds"


@pytest.mark.parametrize(
    "seed", ["ftp://forum.example/", "javascript:alert(1)", "http://a:b@forum.example/", "http://"]
)
def test_only_plain_web_addresses_are_seeds(seed: str) -> None:
    assert refused_field(seeds=(seed,)) == "seeds"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("purpose", "x"),
        ("legal_basis", ""),
        ("delay_s", -1.0),
        ("delay_s", float("nan")),
        ("page_budget", 0),
        ("media_budget", -1),
        ("max_depth", -1),
        ("allowed_hosts", ("*.example",)),
        ("allowed_hosts", ("http://forum.example",)),
        ("path_prefixes", ("start",)),
        ("schedule", "every day"),
        ("schedule", "* * * * *"),
        ("schedule", "0 0 31 2 *"),
        ("canaries", ("0 http://forum.example/c",)),
        ("canaries", ("2 http://elsewhere.example/c",)),
        ("monitoring_purpose", "?"),
        ("seeds", ()),
    ],
)
def test_each_wrong_field_is_named(field: str, value: object) -> None:
    assert refused_field(**{field: value}) == field


def test_robots_is_left_aside_only_for_a_stated_reason() -> None:
    assert refused_field(obey_robots=False) == "robots_reason"
    reason = "The host agreed in writing on 3 March"
    assert checked(replace(DRAFT, obey_robots=False, robots_reason=reason)).robots_reason == reason
    assert checked(replace(DRAFT, robots_reason=reason)).robots_reason == ""


def test_a_port_of_a_host_is_kept() -> None:
    clean = checked(replace(DRAFT, seeds=("http://forum.example:8099/",)))
    assert clean.allowed_hosts == ("forum.example:8099",)
    assert checked(replace(clean, allowed_hosts=("forum.example:8099",))) == clean


NEVER_PUBLIC = [
    "http://127.0.0.1:8099/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://10.0.0.7/a",
    "http://[::1]/",
    "http://[::ffff:192.168.0.1]/",
    "http://[64:ff9b::a00:1]/",
    "http://169.254.169.254/latest",
    "http://localhost:8099/",
    "http://LOCALHOST./",
    "http://forum.localhost/",
]


@pytest.mark.parametrize("address", NEVER_PUBLIC)
def test_what_nobody_outside_can_reach_is_no_place_to_begin_and_no_canary(address: str) -> None:
    assert refused_field(seeds=(address,)) == "seeds"
    host = address.split("/")[2]
    assert refused_field(allowed_hosts=("forum.example", host), canaries=(address,)) == "canaries"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8099/", "http://localhost:8099/"])
def test_an_exact_exception_lets_one_port_of_this_machine_be_a_seed(address: str) -> None:
    exceptions = (AddressException("127.0.0.1", 8099),)
    assert checked(replace(DRAFT, seeds=(address,)), exceptions).seeds == (address,)
    with pytest.raises(SiteInvalidError, match="address_exceptions"):
        checked(replace(DRAFT, seeds=(address.replace("8099", "8100"),)), exceptions)


def test_a_public_literal_and_every_name_are_taken_without_a_look_up() -> None:
    seeds = ("http://9.9.9.9/", "http://[2620:fe::fe]/", "http://intranet.example/")
    assert checked(replace(DRAFT, seeds=seeds)).seeds == seeds


def test_a_canary_is_read_and_written_in_one_way() -> None:
    canary = Canary.parse("  12 http://forum.example/wall ")
    assert canary == Canary("http://forum.example/wall", 12)
    assert Canary.parse(str(canary)) == canary
    assert Canary.parse("http://forum.example/wall").least_media == 1


@pytest.mark.parametrize(
    "expression", ["30 3 * * *", "*/15 * * * *", "0 0 1 1 *", "7 2,14 * * 1-5"]
)
def test_usual_schedules_are_accepted(expression: str) -> None:
    check_cron(expression)


@given(
    st.builds(
        SiteDraft,
        name=st.text(max_size=20),
        seeds=st.lists(st.text(max_size=60), max_size=3).map(tuple),
        purpose=st.text(max_size=20),
        legal_basis=st.text(max_size=20),
        allowed_hosts=st.lists(st.text(max_size=20), max_size=2).map(tuple),
        canaries=st.lists(st.text(max_size=30), max_size=2).map(tuple),
        schedule=st.text(max_size=12),
    )
)
def test_whatever_is_typed_is_accepted_for_good_or_refused_by_name(
    draft: SiteDraft,
) -> None:
    try:
        clean = checked(draft)
    except LikenessError:
        return
    assert checked(clean) == clean
