"""Which kinds of channels there are, and how each is read and sent on."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from anyio import CapacityLimiter
from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.mail_server import MailServer
from crontopus.notify import (
    alertmanager,
    apprise,
    discord,
    email,
    googlechat,
    gotify,
    issues,
    markup,
    matrix,
    mattermost,
    ntfy,
    opsgenie,
    pagerduty,
    pushover,
    rocketchat,
    slack,
    slack_webhook,
    teams,
    telegram,
    twilio,
    webhook,
    words,
    zulip,
)
from crontopus.notify import log as log_file
from crontopus.notify.contract import Notice, Own, Parcel
from crontopus.notify.guarded import Exchange, Guarded
from crontopus.notify.masking import without_codes
from crontopus.notify.outcome import Delivered, Outcome
from crontopus.notify.templates import BODY, WORDS
from crontopus.wire.wording import fault_of

EMAIL = "email"
API = "api"
"""Where a provider is, instead of where it really is: for tests. Nobody can give it."""
_ADDRESSES = frozenset({"server", "site", "url"})
_MONTHLY = "monthly"
_SHOWN = 10_000
"""Characters of a message that is only looked at."""
_UNREADABLE = "the settings of this channel cannot be read"
_FORM = "Expected `str` matching regex"


class Ways(Struct, frozen=True):
    """By what this installation can send. `mail` None: it sends no e-mail. `unsubscribe`: the link that switches the
    channel off. `http`: makes the guarded client of one try, from the strings that are secret in the settings.
    `folder`: where the kind `log` writes; None: nowhere. `apprise`: so many programs of this kind at once; None: none.
    """

    mail: MailServer | None
    unsubscribe: str
    http: Callable[[Sequence[str]], Guarded]
    folder: Path | None
    apprise: CapacityLimiter | None = None


Send = Callable[[Any, Parcel, Ways, Guarded], Awaitable[Outcome]]


class Kind(Struct, frozen=True):
    """`secrets`: the settings that open something, which nobody is shown again. `addresses`: those that say where it
    is sent; with another, what opens something would go to somebody else. `templates`: what of its messages can be said
    in words of one's own.
    """

    title: str
    settings: type[Struct]
    secrets: frozenset[str]
    keeps: bool
    send: Send
    templates: tuple[str, ...] = ()

    @property
    def addresses(self) -> frozenset[str]:
        return _ADDRESSES & set(self.settings.__struct_fields__)


def _email(settings: email.Settings, parcel: Parcel, ways: Ways, _: Guarded) -> Awaitable[Outcome]:
    return email.send(settings, parcel, ways.mail, ways.unsubscribe)


def _log(settings: log_file.Settings, parcel: Parcel, ways: Ways, _: Guarded) -> Awaitable[Outcome]:
    return log_file.send(settings, parcel, ways.folder)


def _apprise(settings: apprise.Settings, parcel: Parcel, ways: Ways, _: Guarded) -> Awaitable[Outcome]:
    return apprise.send(settings, parcel, ways.apprise)


def _on_the_web(kind: ModuleType, templates: tuple[str, ...] = WORDS) -> Kind:
    async def send(settings: Any, parcel: Parcel, ways: Ways, http: Guarded) -> Outcome:
        outcome: Outcome = await kind.send(settings, parcel, http)
        return outcome

    return Kind(kind.TITLE, kind.Settings, kind.SECRETS, kind.KEEPS, send, templates)


KINDS: dict[str, Kind] = {
    EMAIL: Kind(email.TITLE, email.Settings, email.SECRETS, email.KEEPS, _email, WORDS),
    "webhook": _on_the_web(webhook, BODY),
    "slack": _on_the_web(slack),
    "slack_webhook": _on_the_web(slack_webhook),
    "teams": _on_the_web(teams),
    "discord": _on_the_web(discord),
    "telegram": _on_the_web(telegram),
    "matrix": _on_the_web(matrix),
    "mattermost": _on_the_web(mattermost),
    "rocketchat": _on_the_web(rocketchat),
    "googlechat": _on_the_web(googlechat),
    "zulip": _on_the_web(zulip),
    "ntfy": _on_the_web(ntfy),
    "gotify": _on_the_web(gotify),
    "pushover": _on_the_web(pushover),
    "twilio": _on_the_web(twilio),
    "pagerduty": _on_the_web(pagerduty, ()),
    "opsgenie": _on_the_web(opsgenie, ()),
    "alertmanager": _on_the_web(alertmanager, ()),
    "issues": _on_the_web(issues),
    "apprise": Kind(apprise.TITLE, apprise.Settings, apprise.SECRETS, apprise.KEEPS, _apprise, WORDS),
    "log": Kind(log_file.TITLE, log_file.Settings, log_file.SECRETS, log_file.KEEPS, _log),
}


def keeps(kind: str) -> bool:
    """Whether the other side keeps alerts itself."""
    return kind in KINDS and KINDS[kind].keeps


def secrets(kind: str) -> frozenset[str]:
    """The settings that open something."""
    return KINDS[kind].secrets if kind in KINDS else frozenset()


def addresses(kind: str) -> frozenset[str]:
    """The settings that say where it is sent."""
    return KINDS[kind].addresses if kind in KINDS else frozenset()


def templates(kind: str) -> tuple[str, ...]:
    """What of its messages can be said in words of one's own."""
    return KINDS[kind].templates if kind in KINDS else ()


def shown(kind: str, notice: Notice) -> Own:
    """What a channel of this kind says of it, without its markup: title and text, or the body of what is posted."""
    if templates(kind) == BODY:
        content, type = webhook.body(notice)
        return Own(body=content.decode(), content_type=type)
    parcel = Parcel((notice,), notice.at)
    return Own(words.title(parcel), markup.body(parcel, markup.PLAIN, _SHOWN))


def is_counted(kind: str) -> bool:
    """Whether so many messages go out in a month at most, since each costs something."""
    return kind in KINDS and _MONTHLY in KINDS[kind].settings.__struct_fields__


def monthly(settings: Any) -> int:
    """How many, of a kind that is counted."""
    found: int = getattr(settings, _MONTHLY)
    return found


def read(kind: str, settings: Mapping[str, Any]) -> Any:
    """Settings that a person gives; what is no text may be written as text. Raises Invalid, with the place of what is
    wrong.
    """
    _require_known(kind)
    _require_installed(kind)
    _require_offered(settings)
    return _converted(kind, settings)


def patched(kind: str, before: Mapping[str, Any], patch: Mapping[str, Any]) -> Any:
    """Settings as they were stored, with what a person gives anew; None takes one away. Raises Invalid likewise."""
    _require_known(kind)
    _require_offered(patch)
    return _converted(kind, {name: value for name, value in {**before, **patch}.items() if value is not None})


def stored(kind: str, settings: bytes) -> Any:
    """Settings as they were stored, in JSON. Raises Invalid."""
    _require_known(kind)
    try:
        return msgspec.json.decode(settings, type=KINDS[kind].settings)
    except msgspec.DecodeError as error:
        raise Invalid(f"{_UNREADABLE}: {fault_of(str(error)).detail}") from error


async def send(kind: str, settings: Any, parcel: Parcel, ways: Ways) -> tuple[Outcome, Sequence[Exchange]]:
    """One try: what became of it, and the requests that were made for it. Neither shows what is secret in the settings
    or in the links of the parcel.
    """
    http = ways.http(tuple(_opening(kind, settings)))
    outcome = await KINDS[kind].send(settings, parcel, ways, http)
    codes = words.codes(parcel)
    return _hidden(outcome, codes), [_exchange_hidden(each, codes) for each in http.exchanges]


def _hidden(outcome: Outcome, codes: Sequence[str]) -> Outcome:
    """Whoever refuses a message may repeat it."""
    return outcome if isinstance(outcome, Delivered) else replace(outcome, why=without_codes(outcome.why, codes))


def _exchange_hidden(exchange: Exchange, codes: Sequence[str]) -> Exchange:
    request, response = without_codes(exchange.request, codes), without_codes(exchange.response, codes)
    return replace(exchange, request=request, response=response)


def _require_known(kind: str) -> None:
    if kind not in KINDS:
        raise Invalid(
            f"there is no kind of channel {kind!r}: there are {', '.join(KINDS)}", (Fault("/kind", "unknown"),)
        )


def _require_installed(kind: str) -> None:
    if KINDS[kind].settings is apprise.Settings and not apprise.is_installed():
        raise Invalid(apprise.NOT_INSTALLED, (Fault("/kind", apprise.NOT_INSTALLED),))


def _require_offered(settings: Mapping[str, Any]) -> None:
    if API in settings:
        detail = f"there is no field {API!r}"
        raise Invalid(f"{_UNREADABLE}: {detail}", (Fault(f"/settings/{API}", detail),))


def _converted(kind: str, settings: Mapping[str, Any]) -> Any:
    try:
        return msgspec.convert(settings, KINDS[kind].settings, strict=False)
    except msgspec.ValidationError as error:
        found = fault_of(str(error))
        detail = _asked_for(kind, found) if found.detail.startswith(_FORM) else found.detail
        fault = Fault(f"/settings{found.pointer}", detail)
        raise Invalid(f"{_UNREADABLE}: {detail}", (fault,)) from error


def _asked_for(kind: str, fault: Fault) -> str:
    """In place of a pattern, what the setting is."""
    name = fault.pointer.split("/")[1] if fault.pointer else ""
    schema = msgspec.json.schema(KINDS[kind].settings)["$defs"]["Settings"]["properties"]
    description = schema.get(name, {}).get("description", "")
    return f"this is not of the form that it must have: {description}" if description else fault.detail


def _opening(kind: str, settings: Any) -> Iterator[str]:
    """Every string that is secret in these settings."""
    for name in secrets(kind):
        yield from _strings(getattr(settings, name))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
