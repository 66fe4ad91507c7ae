"""What people, permissions, the audit log and backups cost: each beside the same without them, in one run."""

import http.client
import json
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from threading import Event
from uuid import UUID

import httpx

from crontopus.storage.opening import FILE
from tests.bench import filled
from tests.bench.lines import Line, at_least, below
from tests.bench.wrk import Load
from tests.served import PASSWORD, Served, set_up

JOBS, NAMESPACES, REACHED = 10_000, 50, 10
ENTRIES = 1_000_000
PEOPLE = 20
GIBIBYTE = 2**30
ROUNDS = 7


def lines(folder: Path) -> list[Line]:
    data = folder / "team"
    made = set_up(data)
    load = Load(folder, filled.fill_sqlite(data, JOBS))
    names = _spread(data, made.token)
    with Served(data) as server, _client(server, made.token) as owner:
        found = [*_me(server, owner), *_reach(server, owner, names), *_sign_ins(server, owner, load)]
        empty = _audit_page(owner)
    _grow_the_log(data)
    with Served(data) as server, _client(server, made.token) as owner:
        found += _audit(owner, empty)
    _grow_to_a_gibibyte(data)
    with Served(data) as server:
        return [*found, *_backup(data, folder / "kept", server, load)]


def _client(server: Served, token: str) -> httpx.Client:
    return httpx.Client(base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _took(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _me(server: Served, owner: httpx.Client) -> list[Line]:
    """One connection, one request after the other, in rounds that take turns."""
    with httpx.Client(base_url=server.url) as anybody:
        rounds = []
        for _ in range(ROUNDS):
            known = _took(lambda: [owner.get("/me").raise_for_status() for _ in range(200)])
            open_ = _took(lambda: [anybody.get("/livez").raise_for_status() for _ in range(200)])
            rounds.append(open_ / known)
    return [at_least("`GET /me` by token ÷ `/livez`", median(rounds), 0.4)]


def _spread(data: Path, token: str) -> list[str]:
    """The jobs over many namespaces; the slugs of some of these."""
    with Served(data) as server, _client(server, token) as owner:
        slugs = [f"n{number}" for number in range(NAMESPACES)]
        ids = [owner.post("/namespaces", json={"slug": slug}).raise_for_status().json()["id"] for slug in slugs]
    query = "UPDATE jobs SET namespace_id = ? WHERE CAST(substr(slug, 5) AS INTEGER) % ? = ?"
    with closing(sqlite3.connect(data / FILE)) as connection, connection:
        for number, id in enumerate(ids):
            connection.execute(query, (UUID(id).bytes, NAMESPACES, number))
    return slugs[:REACHED]


def _reach(server: Served, owner: httpx.Client, names: list[str]) -> list[Line]:
    made = owner.post("/tokens", json={"name": "some", "namespaces": names}).raise_for_status().json()
    seen = JOBS * REACHED // NAMESPACES
    with _client(server, made["token"]) as some:
        assert _listed(some, JOBS) == seen
        rounds = [_took(lambda: _listed(some, seen)) / _took(lambda: _listed(owner, seen)) for _ in range(ROUNDS)]
    return [below(f"{seen:,} jobs by someone who reaches these ÷ as many by the owner", median(rounds), 2, "")]


def _listed(client: httpx.Client, count: int) -> int:
    """How many jobs came, up to `count`, in pages of 200."""
    seen, cursor = 0, None
    while seen < count:
        asked = {"limit": "200", **({"cursor": cursor} if cursor else {})}
        page = client.get("/jobs", params=asked).raise_for_status().json()
        seen, cursor = seen + len(page["items"]), page["next_cursor"]
        if cursor is None:
            break
    return seen


def _people(server: Served, owner: httpx.Client) -> list[str]:
    """Each with a password: what they sign in with."""
    forms = []
    for number in range(PEOPLE):
        email = f"person-{number}@example.org"
        link = owner.post("/invitations", json={"email": email}).raise_for_status().json()["link"]
        form = {"code": link.partition("code=")[2], "password": PASSWORD}
        httpx.post(f"{server.url}/api/v1/invitations/accept", json=form, timeout=60).raise_for_status()
        forms.append(json.dumps({"email": email, "password": PASSWORD}))
    return forms


def _sign_ins(server: Served, owner: httpx.Client, load: Load) -> list[Line]:
    forms = _people(server, owner)
    quiet, busy, count = [], [], 0
    for _ in range(ROUNDS):
        quiet.append(load([server.url], 4, 3).p99)
        with _signing_in(server, forms) as signed_in:
            busy.append(load([server.url], 4, 3).p99)
        count += sum(signed_in)
    slower = median(one / other for one, other in zip(busy, quiet, strict=True))
    return [
        below(f"p99 of pings while {PEOPLE} people sign in ÷ quiet", slower, 2, ""),
        Line("p99 of pings, quiet and then; sign-ins", f"{median(quiet):.1f}, {median(busy):.1f} ms; {count}"),
    ]


@contextmanager
def _signing_in(server: Served, forms: list[str]) -> Iterator[list[int]]:
    """All of them, one sign-in after the other; afterwards, how many each has made."""
    over, made = Event(), list[int]()

    def sign_in(form: str) -> int:
        person, count = http.client.HTTPConnection("127.0.0.1", server.port), 0
        while not over.is_set():
            person.request("POST", "/api/v1/sessions", form, {"Content-Type": "application/json"})
            answer = person.getresponse()
            answer.read()
            assert answer.status == 201
            count += 1
        return count

    with ThreadPoolExecutor(len(forms)) as people:
        signing = [people.submit(sign_in, form) for form in forms]
        try:
            yield made
        finally:
            over.set()
            made.extend(each.result() for each in signing)


def _audit_page(owner: httpx.Client) -> float:
    owner.get("/audit").raise_for_status()
    return median(_took(lambda: owner.get("/audit").raise_for_status()) for _ in range(31))


def _grow_the_log(data: Path) -> None:
    query = f"""
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ENTRIES})
        INSERT INTO audit SELECT tenant_id, 1000 + n, at, actor, user_id, token_id, address, user_agent, via, action,
            noun, target_id, target, changes, hash
        FROM numbers, (SELECT * FROM audit WHERE tenant_id IN (SELECT id FROM tenants) ORDER BY position LIMIT 1)"""  # noqa: S608 - a number of ours
    with closing(sqlite3.connect(data / FILE)) as connection, connection:
        connection.execute(query)


def _audit(owner: httpx.Client, empty: float) -> list[Line]:
    full = _audit_page(owner)
    return [
        below(f"audit page of {ENTRIES:,} entries ÷ of a few", full / empty, 2, ""),
        Line("audit page of a few entries, and of many", f"{empty * 1000:.1f}, {full * 1000:.1f} ms"),
    ]


def _grow_to_a_gibibyte(data: Path) -> None:
    """With output that does not compress, as it is stored."""
    file = data / FILE
    with closing(sqlite3.connect(file)) as connection, connection:
        tenant, job = connection.execute("SELECT tenant_id, id FROM jobs LIMIT 1").fetchone()
        piece = secrets.token_bytes(50_000)
        while file.stat().st_size + (data / f"{FILE}-wal").stat().st_size < GIBIBYTE:
            rows = [
                (secrets.token_bytes(16), tenant, job, None, True, 2 * len(piece), 0, False, None, piece, piece)
                for _ in range(500)
            ]
            connection.executemany("INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _backup(data: Path, into: Path, server: Served, load: Load) -> list[Line]:
    load([server.url], 16, 3)
    quiet = load([server.url], 16, 8)
    with _backing_up(data, into) as backup:
        busy = load([server.url], 16, 8)
        running = backup.poll() is None
        took = _took(backup.wait)
    made = next(into.glob("*.backup"))
    return [
        at_least("pings while 1 GiB is backed up ÷ quiet", busy.per_second / quiet.per_second, 0.7),
        Line("pings not answered with 200 meanwhile", str(busy.refused), "0", busy.refused == 0),
        Line("the backup went on to the end of that", str(running), "True", running),
        Line("its size, and how much longer it took", f"{made.stat().st_size / GIBIBYTE:.2f} GiB, {took:.0f} s"),
    ]


@contextmanager
def _backing_up(data: Path, into: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "crontopus", "admin", "backup", "--data", str(data), "--into", str(into)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as backup:
        yield backup
    assert backup.returncode == 0
