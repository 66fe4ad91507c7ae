"""One visitor's look at the console: zone, language, theme, moment, and the page rendered for them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo, available_timezones

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from litestar import Response
from litestar.datastructures import Cookie
from markupsafe import Markup
from msgspec import Struct

from crontopus.console import words
from crontopus.console.assets import ASSETS
from crontopus.console.visit import Visit
from crontopus.console.why import begin, brief, outcome
from crontopus.domain.access import OF_INSTALLATION
from crontopus.domain.errors import FactorNeeded, NotAllowed
from crontopus.domain.hosts import is_loopback, name_of
from crontopus.domain.text import shown
from crontopus.resources import templates
from crontopus.wire.accounts import Me
from crontopus.wire.announcements import Announced
from crontopus.wire.runs import Gap

Clock = Callable[[], datetime]
PLAIN_COOKIE = "crontopus_plain"
"""There where somebody has read what plain HTTP means, and goes on."""
ZONE_COOKIE, THEME_COOKIE, NOTE_COOKIE = "crontopus_zone", "crontopus_theme", "crontopus_note"
ZONES = sorted(available_timezones())
_KNOWN_ZONES = frozenset(ZONES)
_MONTHS_SECONDS = 180 * 86400


class View(Struct, frozen=True, kw_only=True):
    """`me` is None before sign-in. `path` is the page itself, with its query; `note` is what the last deed did.

    `announcements`: what whoever runs the installation tells them. `exposed`: what is typed here can be read on the
    way, and nobody has said that they know. `rings`: what the bell says; None where there is none.
    """

    me: Me | None
    now: datetime
    zone: ZoneInfo
    language: str
    theme: str
    note: str
    path: str
    htmx: bool
    exposed: bool = False
    announcements: Sequence[Announced] = ()
    rings: int | None = None

    def may(self, scope: str) -> bool:
        """Whether the visitor may do this where they are."""
        return self.me is not None and scope in self.me.scopes

    def require(self, scope: str) -> None:
        """Before a form is shown that the visitor could not send. Raises NotAllowed."""
        if not self.may(scope):
            if self.me is not None and self.me.impersonation is not None:
                raise NotAllowed("You look as another here, and this is not done in another's name.")
            if self.me is not None and self.me.needs_second_factor:
                raise FactorNeeded("Everybody here needs a second factor.")
            if scope in OF_INSTALLATION:
                raise NotAllowed("This is for whoever runs the installation.")
            raise NotAllowed("Your role here does not allow it. An owner or an admin can give you another one.")

    @property
    def reader(self) -> words.Reader:
        return words.Reader(self.now, self.zone, self.language)

    @property
    def is_person(self) -> bool:
        """Whether the visitor has an account here, and comes as themselves."""
        return self.me is not None and self.me.token is None and self.me.impersonation is None

    @property
    def sees_all(self) -> bool:
        """Whether what is of the tenant as a whole, such as channels and routes, is theirs to see."""
        return self.me is not None and self.me.namespaces is None

    @property
    def is_confirmed(self) -> bool:
        """Whether the visitor has given their password lately enough for what needs that."""
        return self.me is not None and (self.me.confirmed_until is None or self.me.confirmed_until > self.now)

    def confirmation(self, onward: str = "") -> Response[None]:
        """To the page that asks for the password once more, and from there to `onward`, else back to this page."""
        return go(f"/me/confirm?next={quote(onward or self.path, safe='')}")

    def page(self, template: str, status: int = 200, **context: object) -> Response[str]:
        """`template` of `templates/console/`, rendered with `view` and `context`; a note is shown once."""
        text = ENVIRONMENT.get_template(f"console/{template}").render(view=self, **context)
        response = Response(text, status_code=status, media_type="text/html")
        if self.note:
            response.delete_cookie(NOTE_COOKIE, path="/")
        return response

    def refresh_in(self, *instants: datetime | None) -> int:
        """Milliseconds until what is shown is stale: the nearest of `instants` that is still to come, or a minute.

        Ten seconds where one was within the last minute: "9 s ago" is stale sooner than "3 h ago".
        """
        distances = [(instant - self.now).total_seconds() for instant in instants if instant]
        fresh = [10.0 for distance in distances if -60 < distance <= 0]
        return round(min([60.0, *fresh, *(distance for distance in distances if distance > 0)]) * 1000) + 300


def see(request: Visit, me: Me | None = None, *, plain: bool = False) -> View:
    """How the visitor behind `request` wants things shown: what they said stands with their account; before it, and for
    whoever is not known yet, in cookies. What one says wrongly is not believed. `plain`: it is reached by plain HTTP.
    """
    cookies = request.cookies
    zone = (me and me.zone) or unquote(cookies.get(ZONE_COOKIE, ""))
    theme = (me and me.theme) or cookies.get(THEME_COOKIE, "")
    query = f"?{request.url.query}" if request.url.query else ""
    return View(
        me=me,
        now=request.app.state.clock(),
        zone=ZoneInfo(zone if zone in _KNOWN_ZONES else "UTC"),
        language=(me and me.language) or "en",
        theme=theme if theme in ("light", "dark") else "",
        note=unquote(cookies.get(NOTE_COOKIE, ""))[:300],
        path="/" + request.url.path.lstrip("/") + query,
        htmx=request.headers.get("hx-request") == "true",
        exposed=plain and PLAIN_COOKIE not in cookies and not is_loopback(name_of(request.headers.get("host", ""))),
    )


def go(path: str, note: str = "") -> Response[None]:
    """After a deed: 303 to where its result is seen, and one sentence that says what was done."""
    cookies = (
        [Cookie(NOTE_COOKIE, value=quote(note), max_age=30, path="/", httponly=True, samesite="lax")] if note else []
    )
    return Response(None, status_code=303, headers={"Location": path}, cookies=cookies)


def choice_cookie(name: str, value: str, *, secure: bool) -> Cookie:
    """A choice of how things look; empty goes back to what the browser says. The script may read and set it too."""
    return Cookie(
        name,
        value=quote(value, safe="/"),
        max_age=_MONTHS_SECONDS if value else 0,
        path="/",
        samesite="lax",
        secure=secure,
    )


def _in_sight(value: object) -> object:
    """Whatever a template writes: text of others neither hides anything nor turns what stands beside it."""
    return shown(value) if type(value) is str else value


def _coded(text: str) -> Markup:
    """A message with what it sets between backticks as code; one alone stays as it is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(shown(part)) if place % 2 else shown(part) for place, part in enumerate(parts))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates()),
        autoescape=True,
        finalize=_in_sight,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=ASSETS.url, brief=brief, begin=begin, outcome=outcome, zones=ZONES)
    environment.filters.update(
        named=lambda kinds: [(key, name) for key, (name, _) in kinds.items()],
        pairs=lambda values: [(value, value) for value in values],
        coded=_coded,
        duration=words.duration,
        ahead=words.until,
        number=words.number,
        size=words.size,
        iso=words.iso,
        amount=words.count,
        when=_for_reader(words.when),
        clock=_for_reader(words.clock),
        at_time=_for_reader(words.at),
        wall=words.wall,
        program=words.program,
        dated=_for_reader(words.dated),
        seconds=_for_reader(lambda at, reader: words.clock(at, reader, seconds=True)),
        span=_gap,
        both_zones=_for_reader(lambda at, reader: words.both_zones(at, reader.zone)),
    )
    return environment


@pass_context
def _gap(context: Context, gap: Gap) -> str:
    view: View = context["view"]
    return words.span(gap.since, gap.until, view.reader)


def _for_reader(say: Callable[[datetime, words.Reader], str]) -> Callable[[Context, datetime], str]:
    """`say` as a filter that takes its reader from the page's view."""

    @pass_context
    def said(context: Context, instant: datetime) -> str:
        view: View = context["view"]
        return say(instant, view.reader)

    return said


ENVIRONMENT = _environment()
