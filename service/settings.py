"""What an operator can set, each with its reason and default; read once, passed on in parts.

Every setting is an environment variable with the prefix `LIKENESS_` (or a line in the file
`likeness.env` in the data folder). The settings reference in docs/ is generated from this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.errors import NotConfiguredError


def _default_data_dir() -> Path:
    return Path(".likeness")


def _default_models_dir() -> Path:
    return Path.home() / ".cache" / "likeness" / "models"


class Settings(BaseSettings):
    """All settings of one installation. Times in seconds, sizes in bytes, as the names say."""

    model_config = SettingsConfigDict(env_prefix="LIKENESS_", extra="ignore")

    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Database, vault and encrypted files. Back it up except for `vault/`.",
    )
    models_dir: Path = Field(
        default_factory=_default_models_dir,
        description="Cache of model packs; shared by all installations of this account.",
    )
    database_url: str = Field(
        default="",
        description="SQLAlchemy address of the database; empty means SQLite in `data_dir`.",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="The vault's master key (64 hex digits). Empty: read from `vault/master.key`, "
        "made at first start. Keep a copy off this machine.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port of the web server.")
    public_url: str = Field(
        default="",
        description="Address under which people reach the pages; empty: http://host:port. "
        "With https, cookies are marked secure.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Further host names under which the pages may be asked for, besides those of "
        "`public_url` and of this machine. Any other Host header is refused.",
    )
    exit_url: str = Field(
        default="https://www.wikipedia.org/",
        description="The neutral page that the exit button leads to.",
    )
    pack: str = Field(
        default="yunet-sface",
        description="Model pack for faces of a new installation. Later `likeness models use` "
        "changes it, for every machine: the database says which model searches.",
    )
    model_build_photos_per_s: float = Field(
        default=5.0,
        ge=0.1,
        le=1000.0,
        description="While a model is built beside the one that searches, at most so many "
        "reference photos a second are prepared on each machine, so that searching goes on. See "
        "docs/model-change.md.",
    )
    accepted_licences: tuple[str, ...] = Field(
        default=(), description="Names of packs whose licence the operator has accepted."
    )
    runtime: Literal["auto", "onnxruntime-cuda", "openvino-bf16", "openvino", "onnxruntime"] = (
        Field(
            default="auto",
            description="What runs the models. auto takes the first that can be used here: ONNX "
            "Runtime on a CUDA device; OpenVINO in bfloat16, where the processor has it and "
            "embeddings agree with float32; OpenVINO; ONNX Runtime.",
        )
    )
    examiner_memory_mb: int = Field(
        default=4608,
        ge=1,
        description="Memory that looking at media may take on each worker, beside models and "
        "watch-list, whatever the media are. With it grows how many are looked at at a time: two "
        "for about each 2,200 MB, at most two for each core.",
    )
    sandbox: Literal["auto", "off", "require"] = Field(
        default="auto",
        description="bubblewrap around the picture decoder and the browser: auto uses it where it "
        "works; resource limits apply in any case.",
    )
    held_days: int = Field(
        default=14, ge=1, le=90, description="How long an undecided capture is held before purging."
    )
    mandate_days: int = Field(
        default=365, ge=1, le=365, description="How long a mandate lasts; a person may renew it."
    )
    person_session_minutes: int = Field(
        default=30, ge=5, le=240, description="A person's idle session ends after this time."
    )
    staff_session_minutes: int = Field(
        default=240, ge=5, le=1440, description="An advocate's or operator's idle session."
    )
    crawl_delay_s: float = Field(
        default=2.0, ge=0.0, description="Least time between two requests to one host, by default."
    )
    crawls_at_once: int = Field(
        default=3,
        ge=1,
        le=64,
        description="How many sites a worker visits side by side; each takes a crawl process of "
        "about 75 MB. A polite visit is one request in crawl_delay_s, so few sites leave a machine "
        "idle.",
    )
    max_medium_bytes: int = Field(
        default=60 * 1024 * 1024,
        ge=1024 * 1024,
        le=64 * 1024 * 1024,
        description="Largest picture or video that a crawl fetches; larger ones are counted and "
        "refused as too large. 60 MB are about five minutes of 720p video as sites serve it. A "
        "medium is only ever in memory, up to seven times on its way to the decoder: this is half "
        "a gigabyte.",
    )
    slice_pages: int = Field(
        default=200, ge=1, le=2000, description="Addresses fetched in one durable step of a run."
    )
    user_agent: str = Field(
        default="Likeness/0.1 (reverse search for depicted people; contact: the operator)",
        description="How the crawler names itself. Put a contact address of yours into it.",
    )
    address_exceptions: tuple[str, ...] = Field(
        default=(),
        description="Exact `address:port` pairs that may be contacted although they are not "
        "public, for a test site of your own. Never a range.",
    )
    socks_proxy: str = Field(
        default="",
        description="`address:port` of a SOCKS5 proxy (Tor: `127.0.0.1:9050`) by which everything "
        "that visits sites goes: crawls, robots.txt, redirects, captures, re-checks. It resolves "
        "names; where it is down nothing is fetched. Empty: no proxy. See "
        "docs/crawling.md.",
    )
    socks_onion: bool = Field(
        default=False,
        description="Whether onion services may be visited through `socks_proxy`; only Tor can.",
    )
    socks_user: str = Field(
        default="", description="Name for `socks_proxy` where it wants a password; empty: without."
    )
    socks_password: SecretStr | None = Field(
        default=None, description="Password for `socks_proxy`. Never in a log or a capture."
    )
    socks_password_file: Path | None = Field(
        default=None,
        description="A file whose first line is that password, in place of `socks_password`.",
    )
    open_stream_keys: bool = Field(
        default=False,
        description="Whether videos are looked at that are encrypted with AES-128 and whose key "
        "the site hands to every visitor. Whether that is a measure of protection which the law "
        "forbids to go around differs by country: yours to decide. Never SAMPLE-AES, never DRM. "
        "See docs/streams-and-players.md.",
    )
    chromium: str = Field(
        default="",
        description="The chromium that renders pages of sites that need JavaScript; empty: the one "
        "of this machine. A relative path is taken from the folder in which Likeness is "
        "started. It needs the extra `likeness[browser]` and runs in a sandbox, without a "
        "network of its own. See docs/rendered-pages.md.",
    )
    browser_memory_mb: int = Field(
        default=1024,
        ge=256,
        le=16_384,
        description="Memory that chromium may take for one page; a page that wants more fails. One "
        "page at a time is rendered for each of the `crawls_at_once` sites that need it.",
    )
    max_upload_bytes: int = Field(
        default=20 * 1024 * 1024, description="Largest reference photo or file that is accepted."
    )
    max_reference_photos: int = Field(
        default=12, ge=1, description="Reference photos a person may keep."
    )

    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Token with which Prometheus may read `/metrics` (`Authorization: Bearer`). "
        "Empty: there is no such page. Counts only: no names, no ids.",
    )
    log_format: Literal["plain", "json"] = Field(
        default="plain",
        description="How `likeness serve` and `worker` write logs: plain lines, or JSON, one "
        "object a line. In JSON the text of errors is left out and that of libraries is cleaned, "
        "so that no address and nothing of a person is in it.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING",
        description="The least level of our own lines in logs; "
        "libraries write warnings and errors only.",
    )
    telemetry: bool = Field(
        default=False,
        description="OpenTelemetry spans for the slices of runs, for a provider that you set up "
        "yourself. Ids of runs and counts only.",
    )
    report_every: Literal["off", "day", "week", "month"] = Field(
        default="week",
        description="Which period operators get a crawl report of, made by itself when the period "
        "has ended (in UTC; a week begins on Monday). See docs/crawling.md.",
    )
    keep_run_addresses_days: int = Field(
        default=60,
        ge=40,
        le=3650,
        description="So many days after a run ended, what became of each of its addresses is "
        "deleted: once it is in a periodic report, where those are made. The run's counts and its "
        "report stay. See docs/growing.md.",
    )
    keep_sightings_days: int = Field(
        default=180,
        ge=60,
        le=3650,
        description="Sightings older than this are deleted where the same medium was seen at the "
        "same address before and after. All stay of media in which somebody was found, that match "
        "a known picture or that a list names. See docs/growing.md.",
    )
    report_mail_to: tuple[str, ...] = Field(
        default=(),
        description="Addresses that are told by mail that a report is ready: nothing but that, no "
        "site, no number and no name. Needs `smtp_host` and `mail_from`.",
    )
    smtp_host: str = Field(default="", description="Your mail server. Empty: no mail is ever sent.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection to the mail server is protected: starttls (port 587), tls "
        "from the start (port 465), or none, for a server on this machine only.",
    )
    smtp_user: str = Field(
        default="", description="Name to sign in to the mail server with; empty: without."
    )
    smtp_password: SecretStr | None = Field(
        default=None, description="Password for the mail server."
    )
    mail_from: str = Field(
        default="",
        description="Address that mails come from. Take a neutral one: it is seen in inboxes.",
    )

    chance_matches_a_day: float = Field(
        default=1.0,
        gt=0.0,
        le=10_000.0,
        description="How many chance matches a day you bear in the whole installation: faces of "
        "strangers that look like somebody on the watch-list and come before reviewers. The more "
        "faces are looked at in a day and the more templates there are, the closer a face has to "
        "be, down to the strictest point that was measured for the model. Fewer means that more "
        "true finds are missed. See docs/chance-matches.md.",
    )
    look_alike_days: int = Field(
        default=90,
        ge=1,
        le=365,
        description="When reviewers dismissed somebody who looks like a person, weaker look-alikes "
        "of that person on that site are only counted for so many days.",
    )
    flood_hours: int = Field(
        default=24,
        ge=1,
        le=168,
        description="The time in which many finds of one person by face, or of one name, are a "
        "flood.",
    )
    flood_events: int = Field(
        default=40,
        ge=2,
        description="So many finds of one person by face, or of one name, within `flood_hours`, on "
        "at least `flood_sites` sites, stop by themselves until an operator or advocate has "
        "decided how to go on. What one page or account shows counts once. Finds by hash go on.",
    )
    flood_sites: int = Field(
        default=8, ge=1, description="On at least so many sites; see `flood_events`."
    )

    common_picture_media: int = Field(
        default=60,
        ge=2,
        description="A known picture with so many different look-alikes, on so many sites as "
        "`common_picture_hosts` says, may be a logo or a meme: further look-alikes (not exact "
        "copies) make no candidates until an advocate says that they should. A picture of "
        "somebody's own comes in two to four sizes a site.",
    )
    common_picture_hosts: int = Field(
        default=20,
        ge=1,
        description="On at least so many sites; see `common_picture_media`. Far more than most "
        "pictures of one person are spread over while few of them are confirmed.",
    )
    collisions_to_hold_back: int = Field(
        default=3,
        ge=1,
        description="When so many look-alikes of a known picture were dismissed as different and "
        "none was confirmed, further ones (not exact copies) make no candidates until an advocate "
        "says that they should.",
    )

    @field_validator("chromium")
    @classmethod
    def _from_here(cls, chromium: str) -> str:
        """The browser's sandbox has a working directory of its own: the path is taken from here."""
        return str(Path(chromium).absolute()) if chromium else ""

    @property
    def effective_socks_password(self) -> SecretStr | None:
        """The password for the proxy; raises `NotConfiguredError` where its file is none."""
        if self.socks_password_file is None:
            return self.socks_password
        try:
            lines = self.socks_password_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise NotConfiguredError(
                "the file named by socks_password_file cannot be read; it holds the password for "
                "the proxy in its first line"
            ) from error
        return SecretStr(lines[0]) if lines and lines[0] else None

    @property
    def vault_dir(self) -> Path:
        """Folder of the key store; never part of a database backup."""
        return self.data_dir / "vault"

    @property
    def files_dir(self) -> Path:
        """Folder of encrypted files."""
        return self.data_dir / "files"

    @property
    def seen_index_dir(self) -> Path:
        """Folder of this machine's index of hashes seen; made anew when it is deleted."""
        return self.data_dir / "seen"

    @property
    def hash_lists_index_dir(self) -> Path:
        """Folder of this machine's index of listed hashes; made anew when it is deleted."""
        return self.data_dir / "hash_lists"

    @property
    def effective_database_url(self) -> str:
        """The address of the database with the embedded one as the default."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{(self.data_dir / 'likeness.sqlite').resolve()}"

    @property
    def effective_public_url(self) -> str:
        """Where people reach the pages, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
