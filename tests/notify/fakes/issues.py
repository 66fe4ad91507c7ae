"""Issues of GitHub, after "Rate limits for the REST API" and "API Versions" of github/docs and GitHub's description
of "Create an issue" as clients are generated from it; and of Forgejo, after copies of its source and of Gitea's
(routers/api/v1/repo/issue.go and label.go, modules/structs/issue_label.go, what is read of `Authorization`), all read
on 28 November 2026. That a body may have 65,536 characters is only said by GitHub's answers; from knowledge are the
length of a title and "REST API endpoints for issue comments".
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
    """`forge`: which of the two. `told`: all that was written, in order. `waiting`: numbers of issues that cannot be
    closed, since they wait for others. `is_archived`: the repository is only there to be read.
    """

    def __init__(self, forge: Literal["github", "forgejo"]) -> None:
        super().__init__()
        self.forge = forge
        self.issues: dict[int, Issue] = {}
        self.labels: list[str] = ["bug"]
        self.told: list[str] = []
        self.waiting: set[int] = set()
        self.is_archived = False

    def take(self, request: Request) -> Reply:
        self._let_in(request)
        where = parts(request.path)
        if where[:3] != ["repos", *REPOSITORY.split("/")]:
            raise _error(404, "Not Found")
        if self.is_archived and request.method != "GET":
            raise _error(423, "repo is archived") if self.forge == "forgejo" else _error(403, "Repository was archived")
        match request.method, where[3:]:
            case "GET", ["issues"]:
                return Reply(200, [self._shown(each) for each in self._listed(request.query)])
            case "POST", ["issues"]:
                return self._open(request)
            case "GET", ["labels"] if self.forge == "forgejo":
                return Reply(200, self._labels(request.query))
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

    def _labels(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """No more than 50 at once, however many are wanted."""
        size, page = min(int(query["limit"]), 50), int(query["page"])
        found = [{"id": id, "name": name} for id, name in enumerate(self.labels, 1)]
        return found[(page - 1) * size : page * size]

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
            state = self._decoded(request, State).state
            if state == "closed" and issue.number in self.waiting:
                raise _error(412, "cannot close this issue because it still has open dependencies")
            issue.state = state
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
