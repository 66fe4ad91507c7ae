"""Issues of GitHub, after "REST API endpoints for issues", "… for issue comments", "Best practices for using the REST
API" and "Rate limits for the REST API" of docs.github.com; and of Forgejo, after its API reference (issue) as served at
/api/swagger, both as of 28 November 2026.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded, markdown, parts

TOKEN, REPOSITORY = "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "acme/ops.cron"


class New(Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1, max_length=255)]
    body: Annotated[str, Meta(max_length=65_536)]
    labels: list[str | int]


class State(Struct, forbid_unknown_fields=True):
    state: Literal["open", "closed"]


class Comment(Struct, forbid_unknown_fields=True):
    body: Annotated[str, Meta(min_length=1, max_length=65_536)]


class Label(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    color: Annotated[str, Meta(pattern="^#[0-9a-f]{6}$")]


class Issue(Struct):
    number: int
    title: str
    body: str
    labels: list[str]
    state: str = "open"
    comments: list[str] = msgspec.field(default_factory=list)


def _error(status: int, message: str) -> Refused:
    return Refused(Reply(status, {"message": message, "documentation_url": "https://docs.example.org"}))


class Issues(Fake):
    """`forge`: which of the two. `told`: all that was written, in order."""

    def __init__(self, forge: Literal["github", "forgejo"]) -> None:
        super().__init__()
        self.forge = forge
        self.issues: dict[int, Issue] = {}
        self.labels: list[str] = ["bug"]
        self.told: list[str] = []

    def take(self, request: Request) -> Reply:
        self._let_in(request)
        where = parts(request.path)
        if where[:3] != ["repos", *REPOSITORY.split("/")]:
            raise _error(404, "Not Found")
        match request.method, where[3:]:
            case "GET", ["issues"]:
                return Reply(200, [self._shown(each) for each in self._listed(request.query)])
            case "POST", ["issues"]:
                return self._open(request)
            case "GET", ["labels"] if self.forge == "forgejo":
                return Reply(200, [{"id": id, "name": name} for id, name in enumerate(self.labels, 1)])
            case "POST", ["labels"] if self.forge == "forgejo":
                self.labels.append(self._decoded(request, Label).name)
                return Reply(201, {"id": len(self.labels), "name": self.labels[-1]})
            case method, ["issues", number, *rest]:
                return self._one(request, method, number, rest)
        raise _error(404, "Not Found")

    def _let_in(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise _error(401, "Bad credentials")
        if self.forge == "github" and request.headers.get("user-agent", "python-httpx").startswith("python"):
            raise _error(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent"
            )
        if self.forge == "github" and request.headers.get("accept") != "application/vnd.github+json":
            raise _error(415, "Unsupported 'Accept' header")
        if request.body and request.headers.get("content-type") != "application/json":
            raise _error(400, "Problems parsing JSON")

    def _decoded(self, request: Request, type: Any) -> Any:
        return decoded(request.body, type, lambda why: _error(422, f"Validation Failed: {why}"))

    def _listed(self, query: dict[str, str]) -> list[Issue]:
        size = "per_page" if self.forge == "github" else "limit"
        if set(query) != {"state", "labels", "since", size, "page"}:
            raise _error(422, "Validation Failed")
        found = [each for each in reversed(self.issues.values()) if query["labels"] in each.labels]
        start = (int(query["page"]) - 1) * int(query[size])
        return found[start : start + int(query[size])]

    def _open(self, request: Request) -> Reply:
        new = self._decoded(request, New)
        if self.forge == "forgejo":
            if not all(isinstance(each, int) and 0 < each <= len(self.labels) for each in new.labels):
                raise _error(422, "label does not exist")
            new.labels = [self.labels[each - 1] for each in new.labels]
        elif not all(isinstance(each, str) for each in new.labels):
            raise _error(422, "Validation Failed: labels")
        number = len(self.told) + 1
        self.issues[number] = Issue(number, new.title, new.body, new.labels)
        self.told.append(f"{new.title}\n{new.body}")
        return Reply(201, self._shown(self.issues[number]))

    def _one(self, request: Request, method: str, number: str, rest: list[str]) -> Reply:
        if not number.isdigit() or int(number) not in self.issues:
            raise _error(404, "Not Found")
        issue = self.issues[int(number)]
        if (method, rest) == ("GET", []):
            return Reply(200, self._shown(issue))
        if (method, rest) == ("PATCH", []):
            issue.state = self._decoded(request, State).state
            return Reply(201 if self.forge == "forgejo" else 200, self._shown(issue))
        if (method, rest) == ("POST", ["comments"]):
            issue.comments.append(self._decoded(request, Comment).body)
            self.told.append(issue.comments[-1])
            return Reply(201, {"id": len(self.told), "body": issue.comments[-1]})
        raise _error(404, "Not Found")

    def _shown(self, issue: Issue) -> dict[str, Any]:
        """With as much around it as there really is."""
        user = {"login": "crontopus", "url": "https://api.example.org/" + "x" * 1500}
        return {
            "id": issue.number * 1000,
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "state": issue.state,
            "user": user,
            "labels": [{"id": 1, "name": name} for name in issue.labels],
            "repository_url": "https://api.example.org/" + "x" * 1500,
        }

    def seen(self) -> list[Seen]:
        """A title is plain text; a comment of HTML is not seen."""
        return [_seen(each) for each in self.told]


def _seen(told: str) -> Seen:
    text = told.partition("\n\n<!-- crontopus alert ")[0]
    title, _, body = text.partition("\n")
    if title.startswith("**"):
        return markdown.read(text)
    found = markdown.read(body)
    return Seen(f"{title}\n{found.text}", found.links, found.acting)
