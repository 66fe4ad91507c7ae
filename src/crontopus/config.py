"""The server's settings: a TOML file, below the environment (`CRONTOPUS_*`), below flags. The only reader of the
environment."""

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from crontopus.domain import duration, hosts
from crontopus.domain.errors import Invalid
from crontopus.domain.mail_server import MailServer, is_address, mail_server
from crontopus.wire.installation import Setting
from crontopus.wire.wording import fault_of

PREFIX = "CRONTOPUS_"
DEFAULT, FILE, ENVIRONMENT, FLAG = "default", "file", "environment", "flag"
LISTS = frozenset({"alert_networks", "allowed_hosts", "operator_mail", "provider_hosts", "trusted_proxies"})
"""Settings that hold several words, in the environment with blanks or commas between them."""
SECRET = frozenset({"alert_proxy", "backup_passphrase", "database_url", "heartbeat_url", "secret_key", "smtp_url"})
"""Settings that may also be read from a file named by `CRONTOPUS_<NAME>_FILE`, and are never shown but for an
`alert_proxy` without a password."""
BOUNDS = {"heartbeat_every": (timedelta(seconds=10), timedelta(days=1))}
"""Of a duration, where they are not `USUAL_BOUNDS`."""
USUAL_BOUNDS = (timedelta(hours=1), timedelta(days=3650))

Port = Annotated[int, Meta(ge=0, le=65535)]
Bytes = Annotated[int, Meta(ge=1)]
Kept = Annotated[int, Meta(ge=0)]


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting, with its default. Durations are written as `90s`, `10m`, `14d` or a number of seconds."""

    data: Annotated[Path, Meta(description="Folder of the database, its key and its lock.")] = Path("data")
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on; 0 takes a free one.")] = 8000
    public_url: Annotated[
        str, Meta(description="Address under which browsers and scripts reach it; empty: `http://host:port`.")
    ] = ""
    database_url: Annotated[
        str, Meta(description="`postgresql://user:password@host/name`; empty: SQLite in the data folder.")
    ] = ""
    secret_key: Annotated[
        str,
        Meta(
            description="32 bytes in base64 that seal ping keys; after a blank, those in force before; empty: "
            "`secret.key` in the data folder."
        ),
    ] = ""
    allowed_hosts: Annotated[
        list[str],
        Meta(
            description="Names beside that of `public_url` under which the console is reached, such as "
            "`cron.lan *.example.com`. Addresses and localhost always are; pings and tokens are taken under any name."
        ),
    ] = []
    trusted_proxies: Annotated[
        list[str], Meta(description="Networks whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.")
    ] = []
    user_header: Annotated[
        str,
        Meta(
            description="Header in which one of `trusted_proxies` names whom it has signed in, by e-mail address, such "
            "as `X-Forwarded-Email`; empty: none. From anywhere else it is ignored."
        ),
    ] = ""
    provider_hosts: Annotated[
        list[str],
        Meta(
            description="Names of the sign-in providers that organisations may use, with all that these name, such as "
            "`login.example.com *.okta.com`; empty: any over https. Plain http is taken only at `localhost` and "
            "loopback addresses, and only where they are named here."
        ),
    ] = []
    ping_body_limit: Annotated[
        Bytes, Meta(description="Bytes of a ping's body that are kept, half head, half tail.")
    ] = 100_000
    runs_kept: Annotated[timedelta, Meta(description="How long runs, check-ins and alerts that are over are kept.")] = (
        timedelta(days=90)
    )
    output_kept: Annotated[timedelta, Meta(description="How long the output of successful runs is kept.")] = timedelta(
        days=14
    )
    failed_output_kept: Annotated[timedelta, Meta(description="How long the output of other runs is kept.")] = (
        timedelta(days=90)
    )
    output_bytes_kept: Annotated[Bytes, Meta(description="Bytes of output kept of one job, compressed.")] = 100_000_000
    backup_into: Annotated[
        str, Meta(description="Folder into which the server backs up itself, best on another disk; empty: never.")
    ] = ""
    backup_every: Annotated[timedelta, Meta(description="How often it does.")] = timedelta(days=1)
    backup_keep: Annotated[Kept, Meta(description="How many of the newest backups stay there; 0: all.")] = 14
    backup_passphrase: Annotated[
        str, Meta(description="Seals them, and puts the secret key into them; empty: they are not sealed.")
    ] = ""
    smtp_url: Annotated[
        str,
        Meta(
            description="Mail server, with its password: `smtps://user:password@host`, `smtp://…` (STARTTLS), or "
            "`smtp+plain://host`; empty: no e-mail is sent, and links are shown to whoever invites."
        ),
    ] = ""
    mail_from: Annotated[
        str, Meta(description="Whom e-mail comes from, such as `Crontopus <crontopus@example.org>`.")
    ] = ""
    alert_networks: Annotated[
        list[str],
        Meta(
            description="Private networks that channels of alerts may reach all the same, such as "
            "`10.0.0.0/8 127.0.0.1/32`; empty: only public addresses."
        ),
    ] = []
    alert_proxy: Annotated[
        str,
        Meta(
            description="HTTP proxy by which channels of alerts reach the web, such as "
            "`http://user:password@proxy.lan:3128`; it resolves names, and has to keep private ones out. Empty: none."
        ),
    ] = ""
    alert_log: Annotated[
        str, Meta(description="Folder into which channels of the kind `log` write; empty: there are none.")
    ] = ""
    allow_apprise: Annotated[
        bool,
        Meta(
            description="Whether channels of the kind `apprise` may tell anything: they reach whatever this machine "
            "reaches, private addresses too, whoever made them."
        ),
    ] = False
    heartbeat_url: Annotated[
        str,
        Meta(
            description="Address that is asked for as long as all is well, so that somebody else notices when it is "
            "not, such as `https://watcher.example.net/ping/…`; empty: none. Private ones as in `alert_networks`."
        ),
    ] = ""
    heartbeat_every: Annotated[timedelta, Meta(description="How often it is.")] = timedelta(minutes=1)
    operator_mail: Annotated[
        list[str],
        Meta(
            description="Addresses that are told by e-mail when Crontopus itself lags; empty: those of the superadmins."
        ),
    ] = []
    address_requests_per_minute: Annotated[
        Kept,
        Meta(
            description="How often an address (of IPv6 a /64) may ask the API and the console; 0: as often as it likes."
        ),
    ] = 12_000
    token_requests_per_minute: Annotated[Kept, Meta(description="Likewise, each token.")] = 6000
    account_requests_per_minute: Annotated[Kept, Meta(description="Likewise, each person who is signed in.")] = 6000
    metrics_open: Annotated[bool, Meta(description="Whether `/metrics` needs no token.")] = False
    operators_need_second_factor: Annotated[
        bool, Meta(description="Whether who runs the installation must have a second factor to do so.")
    ] = False
    log_level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$", description="What is logged.")] = "info"
    log_format: Annotated[
        str, Meta(pattern="^(auto|json|text)$", description="`auto`: text on a terminal, JSON elsewhere.")
    ] = "auto"

    @property
    def base_url(self) -> str:
        """The public URL, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names under which the console is reached."""
        return (hosts.name_of(urlsplit(self.base_url).netloc), *self.allowed_hosts)

    @property
    def mail_server(self) -> MailServer | None:
        """None where no e-mail is sent. Raises Invalid."""
        return mail_server(self.smtp_url, self.mail_from, hosts.name_of(urlsplit(self.base_url).netloc))

    @property
    def open_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Private ones that channels may reach."""
        return tuple(ip_network(text, strict=False) for text in self.alert_networks)

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(text, strict=False) for text in self.trusted_proxies)


class Loaded(Struct, frozen=True):
    """The settings, and where each came from."""

    config: Config
    origins: dict[str, str]


def load(flags: Mapping[str, Any], file: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Flags that are None were not given. Raises Invalid, naming the setting and its origin."""
    environment = os.environ if environment is None else environment  # noqa: TID251 # this is the one reader
    layers = (
        (FILE, _from_file(file or _named(environment))),
        (ENVIRONMENT, _from_environment(environment)),
        (FLAG, {name: value for name, value in flags.items() if value is not None}),
    )
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Config.__struct_fields__, DEFAULT)
    for origin, given in layers:
        for name, value in given.items():
            if name not in origins:
                raise Invalid(f"there is no setting {name!r} ({origin}); see `crontopus config`")
            values[name], origins[name] = value, origin
    config = _converted(values, origins)
    _check(config)
    return Loaded(config, origins)


def shown(config: Config, origins: Mapping[str, str]) -> list[Setting]:
    """Each setting in force with its origin, secrets hidden."""
    names = Config.__struct_fields__
    return [Setting(name, _shown(name, getattr(config, name)), origins.get(name, DEFAULT)) for name in names]


def _shown(name: str, value: Any) -> Any:
    if name in SECRET and value and (name != "alert_proxy" or "@" in value):
        return "(hidden)"
    if isinstance(value, timedelta):
        return duration.brief(value)
    return str(value) if isinstance(value, Path) else value


def _named(environment: Mapping[str, str]) -> Path | None:
    return Path(environment[f"{PREFIX}CONFIG"]) if environment.get(f"{PREFIX}CONFIG") else None


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(f"the settings file {file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"the settings file {file} is not TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Variables of other commands (`CRONTOPUS_TOKEN` …) are none of ours, so unknown ones are passed over."""
    values: dict[str, Any] = {}
    for name in Config.__struct_fields__:
        variable = f"{PREFIX}{name.upper()}"
        if name in SECRET and environment.get(f"{variable}_FILE"):
            values[name] = _secret(Path(environment[f"{variable}_FILE"]))
        elif environment.get(variable):
            text = environment[variable]
            values[name] = text.replace(",", " ").split() if name in LISTS else text
    return values


def _secret(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the secret in {file} cannot be read: {error}") from error


def _converted(values: dict[str, Any], origins: dict[str, str]) -> Config:
    converted = {}
    for field in msgspec.structs.fields(Config):
        if field.name in values:
            try:
                converted[field.name] = _read(field, values[field.name])
            except (msgspec.ValidationError, Invalid) as error:
                why = fault_of(str(error)).detail
                raise Invalid(f"the setting {field.name} ({origins[field.name]}) is wrong: {why}") from error
    return Config(**converted)


def _read(field: msgspec.structs.FieldInfo, value: Any) -> Any:
    if isinstance(field.default, timedelta):
        least, most = BOUNDS.get(field.name, USUAL_BOUNDS)
        return duration.parse(value, least=least, most=most)
    if isinstance(field.default, Path):
        return Path(value)
    return msgspec.convert(value, field.type, strict=False)


def _check(config: Config) -> None:
    try:
        _ = config.proxies
    except ValueError as error:
        raise Invalid(f"the setting trusted_proxies is wrong: {error}") from error
    try:
        _ = config.open_networks
    except ValueError as error:
        raise Invalid(f"the setting alert_networks is wrong: {error}") from error
    _ = config.mail_server
    if config.alert_proxy and not _is_proxy(config.alert_proxy):
        raise Invalid("the setting alert_proxy must look like http://proxy.lan:3128, with user:password@ if need be")
    if config.heartbeat_url and not _is_web(config.heartbeat_url):
        raise Invalid("the setting heartbeat_url must look like https://watcher.example.net/ping/…, without a user")
    if any(not is_address(address) for address in config.operator_mail):
        raise Invalid("the setting operator_mail must hold addresses such as ada@example.org, with blanks between them")
    if config.alert_log and not Path(config.alert_log).is_dir():
        raise Invalid("the setting alert_log must name a folder that is there: make it, or leave the setting empty")
    if config.user_header and not config.trusted_proxies:
        raise Invalid("the setting user_header needs trusted_proxies: it is believed from nowhere else")
    if config.user_header and not re.fullmatch(r"[A-Za-z0-9-]{1,100}", config.user_header):
        raise Invalid("the setting user_header must be the name of a header, such as X-Forwarded-Email")
    if config.public_url and not config.public_url.startswith(("http://", "https://")):
        raise Invalid("the setting public_url must begin with http:// or https://")


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    extra = parts.path.strip("/") or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not extra and url.isprintable()


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    has_user = parts.username is not None or parts.password is not None
    sound = url.isascii() and url.isprintable() and " " not in url
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not has_user and sound


def notify_socket() -> str | None:
    """Where systemd listens, if it started us (sd_notify(3))."""
    return os.environ.get("NOTIFY_SOCKET")  # noqa: TID251 # this is the one reader
