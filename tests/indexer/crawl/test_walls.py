"""Walls as sites put them up, and ordinary pages that only speak of such things."""

from __future__ import annotations

import pytest
from parsel import Selector

from indexer.crawl.client import CrawlClient
from indexer.crawl.discovery import discover
from indexer.crawl.messages import Fetch, FetchRefused, PageSeen, Scope
from indexer.crawl.walls import signs_of, wall_among
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import HostileSite

HOST = "http://forum.example"
SCOPE = Scope(allowed_hosts=("forum.example",))
MANY_LINKS = "".join(f'<a href="/threads/{n}">Thread about {n}</a>' for n in range(30))
ARTICLE = "<p>" + "The council met on Tuesday and talked about the new rules. " * 40 + "</p>"
LOGIN_FORM = (
    '<form action="/login" method="post"><input name="user"><input type="password" name="p">'
    "<button>Log in</button></form>"
)

WALLS = {
    "a browser check": (
        "challenge",
        (
            "<title>Just a moment...</title><body><noscript>Enable JavaScript and cookies"
            " to continue</noscript><script>window._cf_chl_opt={cType:'managed'}</script></body>"
        ),
    ),
    "a puzzle": (
        "challenge",
        (
            "<title>forum.example</title><body><p>Please verify you are human to go on.</p>"
            '<div class="h-captcha"></div></body>'
        ),
    ),
    "an unnamed puzzle frame": (
        "challenge",
        (
            "<title>forum.example</title><body><script src='https://geo.captcha-delivery.com/c.js'>"
            "</script></body>"
        ),
    ),
    "members only": (
        "login",
        (
            "<title>Forum - Log in</title><body><p>You must be logged in to view this.</p>"
            f"{LOGIN_FORM}<a href='/register'>Register</a></body>"
        ),
    ),
    "a long login page with imprint": (
        "login",
        f"<title>Sign in | Forum</title><body>{LOGIN_FORM}{ARTICLE}<a href='/privacy'>P</a></body>",
    ),
    "German members": (
        "login",
        f"<title>Anmelden</title><body><p>Sie müssen angemeldet sein.</p>{LOGIN_FORM}</body>",
    ),
    "an age gate with legal text": (
        "age",
        (
            f"<title>Forum</title><body><p>You must be 18 or older to enter.</p>{ARTICLE}"
            "<button>I am over 18</button><a href='https://example.org'>Leave</a></body>"
        ),
    ),
    "a date of birth": (
        "age",
        (
            "<title>Age Verification</title><body><form><select name='birth_year'><option>1990"
            "</select></form></body>"
        ),
    ),
    "a cookie wall": (
        "consent",
        (
            "<title>Before you continue</title><body><p>We and our partners use cookies.</p>"
            "<form action='/consent/save'><button>Accept all</button></form></body>"
        ),
    ),
    "a banner maker's wall": (
        "consent",
        "<title>Forum</title><body><div id='sp_message_container_1'></div></body>",
    ),
    "an empty frame": (
        "script",
        "<title>Forum</title><body><div id='root'></div><script src='/app.js'></script></body>",
    ),
    "a page that asks for scripts": (
        "script",
        (
            "<title>Forum</title><body><noscript>You need to enable JavaScript to run this app."
            "</noscript><script src='/app.js'></script></body>"
        ),
    ),
    "one that sends on by itself": (
        "login",
        (
            "<title>Forum</title><meta http-equiv=refresh content='0;url=/login?next=/a'>"
            "<body></body>"
        ),
    ),
}

ORDINARY = {
    "an article about cookies": (
        f"<title>Cookie consent: what the law says</title><body>{ARTICLE}"
        f"<p>Many sites ask you to accept all cookies.</p>{MANY_LINKS}</body>"
    ),
    "an article about consent": (
        f"<title>Consent and images</title><body>{ARTICLE}<div id='onetrust-consent-sdk'></div>"
        f"{MANY_LINKS}</body>"
    ),
    "an article about logging in": (
        f"<title>How to log in to Linux without a password</title><body>{ARTICLE}"
        f"<p>You must be logged in as root.</p>{MANY_LINKS}</body>"
    ),
    "an article about ages": (
        f"<title>Are you over 18? Then you may vote</title><body>{ARTICLE}"
        f"<p>You must be over 18 to vote.</p>{MANY_LINKS}</body>"
    ),
    "an article about captchas": (
        f"<title>Captcha: a short history</title><body>{ARTICLE}"
        f"<p>Verify that you are human, it says.</p>{MANY_LINKS}</body>"
    ),
    "a forum with a log-in box": (
        f"<title>Forum index</title><body>{LOGIN_FORM}{MANY_LINKS}</body>"
    ),
    "a contact form with a widget": (
        f"<title>Write to us</title><body>{ARTICLE}<form><div class='g-recaptcha'></div></form>"
        f"{MANY_LINKS}</body>"
    ),
    "pictures under a banner": (
        "<title>Before you continue</title><body><div id='onetrust-consent-sdk'></div>"
        + "".join(f"<img src='/{n}.jpg'>" for n in range(5))
        + "</body>"
    ),
    "a rendered app": (
        f"<title>App</title><body><div id='root'>{ARTICLE}</div><noscript>Please enable "
        "JavaScript for comments</noscript><script src='/a.js'></script></body>"
    ),
    "a short page": "<title>Thanks</title><body><p>Your entry was saved.</p></body>",
    "a product's enter button": (
        "<title>Games over 18 rounds</title><body><a href='/threads/1'>Enter</a>"
        f"{ARTICLE}{MANY_LINKS}</body>"
    ),
    "an empty page": "<title></title><body></body>",
}


def wall_of(
    html: str, *, asked: str = f"{HOST}/threads/7", url: str = f"{HOST}/threads/7"
) -> str | None:
    page = Selector(html)
    found = discover(page, url, SCOPE, depth=1)
    signs = signs_of(page, source=html, asked=asked, url=url, title=found.title, links=found.links)
    return wall_among(signs[0])


@pytest.mark.parametrize("name", WALLS)
def test_a_wall_under_status_200_is_recognised(name: str) -> None:
    kind, html = WALLS[name]
    assert wall_of(html) == kind


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_page_is_no_wall(name: str) -> None:
    assert wall_of(ORDINARY[name]) is None


@pytest.mark.parametrize(
    ("path", "wall"),
    [
        ("/login?next=/a", "login"),
        ("/users/sign_in", "login"),
        ("/age-gate", "age"),
        ("/consent", "consent"),
        ("/cdn-cgi/challenge-platform/x", "challenge"),
        ("/login-problems-solved", None),
        ("/b", None),
    ],
)
def test_a_wall_is_told_by_where_a_page_led(path: str, wall: str | None) -> None:
    assert wall_of(ORDINARY["a forum with a log-in box"], url=f"{HOST}{path}") == wall
    assert wall_of(ORDINARY["pictures under a banner"], url=f"{HOST}{path}") == wall


def test_a_log_in_page_that_was_asked_for_is_what_it_says() -> None:
    _, html = WALLS["members only"]
    assert wall_of(html, asked=f"{HOST}/login", url=f"{HOST}/login") is None


def test_a_page_of_a_million_attributes_is_still_read_in_time() -> None:
    html = "<title>x</title><body>" + "<div class=a>" * 20_000 + "I am over 18" * 20_000
    assert wall_of(html) is None


def crawled(crawler: CrawlClient, site: HostileSite, path: str) -> PageSeen | FetchRefused:
    scope = site.scope(obey_robots=False)
    (result,) = crawler.run_slice(
        "s", scope, [Fetch("t", site.at(path), "page", 0)], lambda host, delay_s: 0.0
    )
    assert isinstance(result, PageSeen | FetchRefused)
    return result


def test_the_child_names_the_signs(crawler: CrawlClient, site: HostileSite) -> None:
    site.put("/thread", hostile.page(WALLS["members only"][1]))
    seen = crawled(crawler, site, "/thread")
    assert isinstance(seen, PageSeen)
    assert wall_among(seen.wall_signs) == "login"
    assert len(seen.words_digest) == 32


@pytest.mark.parametrize(("status", "wall"), [(403, "challenge"), (503, "challenge"), (404, None)])
def test_a_challenge_under_an_error_is_told_and_what_is_gone_stays_gone(
    crawler: CrawlClient, site: HostileSite, status: int, wall: str | None
) -> None:
    challenge = WALLS["a browser check"][1].encode()
    site.put("/thread", hostile.body(challenge, "text/html", status))
    refused = crawled(crawler, site, "/thread")
    assert isinstance(refused, FetchRefused)
    assert (refused.code, refused.status, refused.wall) == ("http_status", status, wall)


def test_a_server_that_says_it_challenges_is_believed(
    crawler: CrawlClient, site: HostileSite
) -> None:
    site.put("/thread", hostile.body(b"wait", "text/plain", 403, cf_mitigated="challenge"))
    refused = crawled(crawler, site, "/thread")
    assert isinstance(refused, FetchRefused)
    assert refused.wall == "challenge"
