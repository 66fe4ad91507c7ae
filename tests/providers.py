"""Sign-in providers for tests: a real one that others wrote, and one of our own that lies as it is told to. And a
browser that goes there and comes back."""

import base64
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from crontopus.client import SESSION_COOKIE, Client
from crontopus.wire.providers import NewProvider, Provider
from tests.postgres import free_port
from tests.world import BASE, World

CLIENTS = Path(__file__).parent / "clients"
CLIENT_ID, SECRET = "crontopus", "a secret of two"
CALLBACK = f"{BASE}/sign-in/callback"
_KEYS: dict[str, RSAKey] = {}


def key(kid: str) -> RSAKey:
    """One for each name: making them takes a while."""
    if kid not in _KEYS:
        _KEYS[kid] = RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})
    return _KEYS[kid]


class Hostile:
    """A provider that is right in everything until a test has it lie.

    `claims` replace those of the ID token (None: left out), `sign` how it is signed, `document` the discovery document,
    `bodies` and `statuses` an answer by its path, `locations` where that sends us; `delay` is before each answer.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.claims: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "first"}, claims, key("first")
        )
        self.keys = [key("first")]
        self.document: dict[str, Any] = {}
        self.bodies: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.locations: dict[str, str] = {}
        self.delay = 0.0
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def sends_back(self, url: str, **replaced: str) -> str:
        """What its page of sign-in at `url` sends the browser back with, as a query."""
        sent = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.issuer}/authorize?")
        assert (sent["response_type"], sent["client_id"], sent["redirect_uri"]) == ("code", CLIENT_ID, CALLBACK)
        code = f"code{len(self._codes)}"
        self._codes[code] = sent
        return urlencode({"code": code, "state": sent["state"], **replaced})

    def answer(self, path: str, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        self.asked.append(path)
        time.sleep(self.delay)
        if path in self.bodies:
            return self.statuses.get(path, 200), self.bodies[path]
        known: dict[str, Callable[[], dict[str, Any]]] = {
            "/.well-known/openid-configuration": self._document,
            "/jwks": lambda: {"keys": [one.as_dict(private=False) for one in self.keys]},
            "/token": lambda: self._token(form, headers),
            "/info": lambda: self.info,
        }
        made = known.get(path)
        if made is None:
            return 404, {}
        answer: dict[str, Any] = made()
        return self.statuses.get(path, 400 if "error" in answer else 200), answer

    def _document(self) -> dict[str, Any]:
        at = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "jwks_uri": "/jwks",
            "userinfo_endpoint": "/info",
        }
        known = {name: self.issuer + path for name, path in at.items()}
        return {"issuer": self.issuer, **known, **self.document}

    def _token(self, form: dict[str, str], headers: Any) -> dict[str, Any]:
        sent = self._codes.pop(form.get("code", ""), None)
        pair = base64.b64encode(f"{CLIENT_ID}:{SECRET.replace(' ', '%20')}".encode()).decode()
        if sent is None or headers["authorization"] != f"Basic {pair}" or form["redirect_uri"] != CALLBACK:
            return {"error": "invalid_grant"}
        digest = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if (sent["code_challenge_method"], sent["code_challenge"]) != ("S256", digest):
            return {"error": "invalid_grant"}
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "1",
            "iat": now,
            "exp": now + 300,
            "nonce": sent["nonce"],
            "email": "grace@example.com",
            "email_verified": True,
            "name": "Grace",
            "groups": [],
        } | self.claims
        told = {name: value for name, value in claims.items() if value is not None}
        return {"id_token": self.sign(told), "access_token": "access", "token_type": "Bearer"}


@contextmanager
def hostile(clock: Callable[[], datetime]) -> Iterator[Hostile]:
    """Served over real HTTP."""
    provider = Hostile(clock)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("content-length", 0))
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            path = urlsplit(self.path).path
            status, answer = provider.answer(path, form, self.headers)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            try:
                self.send_response(status)
                if path in provider.locations:
                    self.send_header("Location", provider.locations[path])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # whoever asked has gone

        do_GET = do_POST = _serve

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", provider.port), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def real(redirect_uri: str = CALLBACK) -> Iterator[str]:
    """The issuer of a real provider, npm's oidc-provider, that runs."""
    port = free_port()
    command = ["node", str(CLIENTS / "provider.mjs"), str(port), redirect_uri]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class Browser:
    """Goes to a provider and comes back, without scripts; its cookies stay with it."""

    def __init__(self, world: World, base: str = BASE) -> None:
        self.world = world
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(world.appliance.app), base_url=base)

    async def leaves(self, provider: Provider, **query: str) -> str:
        """Where it is sent to."""
        answer = await self.http.get(f"/sign-in/with/{provider.id}/go", params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def comes_back(self, query: str) -> httpx.Response:
        return await self.http.get(f"/sign-in/callback?{query}")

    async def signs_in(self, provider: Provider, by: Hostile, **query: str) -> httpx.Response:
        return await self.comes_back(by.sends_back(await self.leaves(provider, **query)))

    @property
    def session(self) -> str:
        return self.http.cookies.get(SESSION_COOKIE, "") or ""

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Of whoever is signed in in it."""
        transport = httpx.ASGITransport(self.world.appliance.app)
        async with Client(BASE, session=self.session, transport=transport) as client:
            yield client


async def through_its_pages(url: str, name: str) -> str:
    """Signs in at the real provider, as a browser without scripts does; the address that it sends back to."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(url)
        for _ in range(12):
            if answer.is_redirect:
                target = str(answer.next_request.url) if answer.next_request else ""
                if target.startswith(BASE):
                    return target
                answer = await http.get(target)
                continue
            action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert action, answer.text
            assert prompt, answer.text
            form = {"prompt": prompt[1], "login": name, "password": "anything"}
            answer = await http.post(str(answer.url.join(action[1])), data=form)
    raise AssertionError("the provider never sent the browser back")


def new(issuer: str, **more: Any) -> NewProvider:
    fields: dict[str, Any] = {
        "name": "Example SSO",
        "issuer": issuer,
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "domains": ["example.com"],
    }
    return NewProvider(**(fields | more))
