"""Issues of GitHub or Forgejo: one for each alert, opened once, commented, closed with its end, and opened again.

What others wrote stands in code, where nobody is called and no other issue is mentioned. An alert's issue is known by
a mark at its end, so that a try whose answer got lost opens no second one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Notice, Parcel, Unreachable
from crontopus.notify.fields import Address, Token
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain

TITLE = "GitHub or Forgejo issues"
KEEPS = True
SECRETS = frozenset({"token"})

_TITLE = 200
_BODY = 4_000
"""Bytes: some issues of a list must fit in what is read of an answer."""
_PAGE, _PAGES, _BACK = 5, 10, timedelta(days=1)
"""How far back an alert's issue is looked for."""
_LABELS = 30
"""So many labels of a page; Forgejo gives no more than 50."""
_MINUTE = timedelta(minutes=1)
_COLOUR = "d92d20"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A repository, and an account that may open issues in it."""

    repository: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9._-]{1,100}$(?!\n)",
            description="The repository, as `owner/name`.",
        ),
    ]
    token: Annotated[
        Token,
        Meta(
            description="An access token that may read and write issues of the repository, of an account that may "
            "push to it: no other may set a label."
        ),
    ]
    url: Annotated[Address, Meta(description="Where the API is: of Forgejo, its address and `/api/v1`.")] = (
        "https://api.github.com"
    )
    forge: Annotated[Literal["github", "forgejo"], Meta(description="Which of the two it is.")] = "github"
    label: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,48}$(?!\n)", description="The label that every issue gets."),
    ] = "crontopus"


class _Label(Struct):
    id: int
    name: str


class _Issue(Struct):
    number: int
    state: str = ""
    body: str | None = None


class _Said(Struct):
    message: str = ""
    id: int | UnsetType = UNSET


class _Stop(Exception):
    """Something was refused, and nothing that would follow makes sense."""

    def __init__(self, outcome: TryAgain | GiveUp) -> None:
        super().__init__(outcome.why)
        self.outcome = outcome


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """Several in one parcel are told each to its own issue."""
    found: Outcome = Delivered()
    for notice in parcel.notices:
        try:
            found = Delivered(str(await _tell(_Repository(settings, http, notice, parcel.sent_at), notice)))
        except _Stop as stop:
            return stop.outcome
        except Unreachable as error:
            return answers.unreachable(error)
    return found if parcel.is_single else Delivered()


async def _tell(repository: "_Repository", notice: Notice) -> int:
    """The number of the alert's issue. To close or open twice does no harm, so that comes before a comment."""
    known = await repository.known()
    if known is None:
        known = await repository.open()
        if notice.is_over:
            await repository.set_state(known, "closed")
        return known
    if notice.is_over:
        await repository.set_state(known, "closed")
    elif notice.kind is Kind.OPEN:
        await repository.set_state(known, "open")
    await repository.comment(known)
    return known


class _Repository:
    """What may be asked of a repository about one alert."""

    def __init__(self, settings: Settings, http: Http, notice: Notice, sent_at: datetime) -> None:
        self.settings = settings
        self.http = http
        self.notice = notice
        self.sent_at = sent_at
        self.mark = f"<!-- crontopus alert {notice.alert} -->"
        self.text = markup.written(Parcel((notice,), sent_at), replace(markup.CODE, measure=words.utf8), _BODY)

    async def known(self) -> int | None:
        """By the reference if that issue is there still, else the newest with the alert's mark."""
        if self.notice.reference.isascii() and self.notice.reference.isdigit():
            answer = await self._ask("GET", f"issues/{self.notice.reference[:15]}")
            issue = answers.read(answer, _Issue)
            if answer.is_success and issue and self._is_ours(issue):
                return issue.number
            if answer.status not in (200, 301, 404, 410):
                raise _Stop(self._refused(answer))
        return await self._marked()

    async def _marked(self) -> int | None:
        since = (self.notice.at - _BACK).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {"state": "all", "labels": self.settings.label, "since": since}
        for page in range(1, _PAGES + 1):
            size = "per_page" if self.settings.forge == "github" else "limit"
            answer = await self._ask("GET", f"issues?{urlencode({**query, size: _PAGE, 'page': page})}")
            if not answer.is_success:
                raise _Stop(self._refused(answer))
            issues = answers.read(answer, list[_Issue]) or []
            for issue in issues:
                if self._is_ours(issue):
                    return issue.number
            if len(issues) < _PAGE:
                break
        return None

    def _is_ours(self, issue: _Issue) -> bool:
        return (issue.body or "").rstrip().endswith(self.mark)

    async def open(self) -> int:
        title = words.cut(words.heading(self.notice), _TITLE).strip()
        body = {"title": title, "body": f"{self.text}\n\n{self.mark}", "labels": [await self._label()]}
        answer = await self._ask("POST", "issues", body)
        issue = answers.read(answer, _Issue)
        if not answer.is_success:
            raise _Stop(self._refused(answer))
        if issue is None:
            raise _Stop(answers.unreadable(TITLE, answer))
        return issue.number

    async def set_state(self, number: int, state: str) -> None:
        """What Forgejo keeps open, since other issues that it waits for are, stays so: a comment tells of the end."""
        answer = await self._ask("PATCH", f"issues/{number}", {"state": state})
        if answer.status != HTTPStatus.PRECONDITION_FAILED:
            self._expect(answer)

    async def comment(self, number: int) -> None:
        self._expect(await self._ask("POST", f"issues/{number}/comments", {"body": self.text}))

    async def _label(self) -> str | int:
        """GitHub takes a name, and makes a label of that name; Forgejo wants a number, and the label to be there."""
        if self.settings.forge == "github":
            return self.settings.label
        known = await self._known_label()
        if known is not None:
            return known
        made = await self._ask("POST", "labels", {"name": self.settings.label, "color": f"#{_COLOUR}"})
        found = answers.read(made, _Label)
        if not made.is_success or found is None:
            raise _Stop(self._refused(made))
        return found.id

    async def _known_label(self) -> int | None:
        for page in range(1, _PAGES + 1):
            answer = await self._ask("GET", f"labels?limit={_LABELS}&page={page}")
            if not answer.is_success:
                raise _Stop(self._refused(answer))
            labels = answers.read(answer, list[_Label]) or []
            for label in labels:
                if label.name == self.settings.label:
                    return label.id
            if not labels:
                break
        return None

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Where nothing was to be changed, nothing has arrived."""
        owner, _, name = self.settings.repository.partition("/")
        url = f"{self.settings.url.rstrip('/')}/repos/{quote(owner)}/{quote(name)}/{path}"
        headers = {
            "Accept": "application/vnd.github+json" if self.settings.forge == "github" else "application/json",
            "Authorization": f"Bearer {self.settings.token}",
            "User-Agent": "Crontopus",
        }
        if self.settings.forge == "github":
            headers["X-GitHub-Api-Version"] = "2022-11-28"
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            return await self.http.send(
                method, url, headers=headers, content=b"" if body is None else msgspec.json.encode(body)
            )
        except Unreachable as error:
            raise Unreachable(str(error), arrived=error.arrived and body is not None, refused=error.refused) from None

    def _expect(self, answer: Answer) -> None:
        if not answer.is_success:
            raise _Stop(self._refused(answer))
        if answers.read(answer, _Said) is None:
            raise _Stop(answers.unreadable(TITLE, answer))

    def _refused(self, answer: Answer) -> TryAgain | GiveUp:
        """GitHub says `forbidden` also where too much was asked for, and with each answer when its count begins anew.

        Forgejo says `locked` of a repository that is archived.
        """
        if answer.is_success:
            return answers.unreadable(TITLE, answer)
        said = answers.read(answer, _Said) or _Said()
        is_spent = answer.headers.get("x-ratelimit-remaining") == "0"
        is_limit = is_spent or "retry-after" in answer.headers or "rate limit" in said.message
        if answer.status == HTTPStatus.FORBIDDEN and is_limit:
            answer = replace(answer, status=429)
        found = answers.outcome(TITLE, answer, self.sent_at, said.message, [self.settings.token])
        if answer.status == HTTPStatus.LOCKED:
            return GiveUp(found.why, broken=True)
        if isinstance(found, TryAgain) and answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            reset = answers.until(answer, "x-ratelimit-reset", self.sent_at) if is_spent else None
            return replace(found, after=found.after or reset or _MINUTE)
        return found
