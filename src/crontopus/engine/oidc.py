"""What is asked of a sign-in provider, and whether its answers can be believed (OpenID Connect Core and Discovery).

Whatever comes from there is somebody else's: it is read up to a size, for a time, from addresses that may be reached,
and no redirect is followed. What it says is never passed on, but for whether it was right.
"""

import base64
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import msgspec
from msgspec import Struct

from crontopus.domain import providers as rules
from crontopus.domain.errors import Invalid, Unauthenticated, Unavailable

MOST_BYTES = 512 * 1024
"""Of one answer."""
WITHIN_SECONDS = 10.0
"""Each step of a sign-in gives a provider so long."""
KNOWN_FOR = timedelta(hours=1)
"""So long what a provider says of itself, and its keys, are believed."""
NEW_KEY_EVERY = timedelta(minutes=1)
"""So often, at most, its keys are fetched because a token names one that is not known."""
MOST_KNOWN = 1000
MOST_KEYS = 100
AT_ONCE = 20
"""Questions to one provider at the same time: one that is slow keeps nobody waiting but its own people."""


class Metadata(Struct, frozen=True):
    """The discovery document, as far as it matters."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def says_who_answers(self) -> bool:
        """Whether each of its answers names it (RFC 9207)."""
        return self.authorization_response_iss_parameter_supported


class Client(Struct, frozen=True):
    """Who we are at a provider."""

    issuer: str
    id: str
    secret: str
    redirect_uri: str


class Grant(Struct, frozen=True):
    """What came of a code: the raw ID token, and what opens the user info."""

    id_token: str
    access_token: str = ""


class _Known(Struct):
    """A provider, as it was when it was asked; `keys` are JWKs."""

    metadata: Metadata
    keys: Sequence[Mapping[str, Any]]
    until: datetime
    asked_at: datetime


class Oidc:
    """Speaks to providers. `allowed`: the names that may be reached; none: any over https."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self.allowed = tuple(allowed)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._open: Counter[str] = Counter()

    async def metadata(self, issuer: str, now: datetime) -> Metadata:
        """Raises Unavailable, or Invalid where it is no provider of this name."""
        return (await self._about(issuer, now)).metadata

    async def look(self, issuer: str, now: datetime) -> tuple[Metadata, int]:
        """Asked anew; and how many keys it has that may sign. Raises as `metadata`."""
        self._known.pop(issuer, None)
        known = await self._about(issuer, now)
        return known.metadata, len(known.keys)

    async def _about(self, issuer: str, now: datetime) -> _Known:
        known = self._known.get(issuer)
        if known is None or known.until <= now:
            async with self._http(issuer) as http:
                metadata = await self._discover(http, issuer)
                keys = await self._keys(http, metadata)
            known = self._known[issuer] = _Known(metadata, keys, now + KNOWN_FOR, now)
            self._known.move_to_end(issuer)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return known

    async def _discover(self, http: httpx.AsyncClient, issuer: str) -> Metadata:
        from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]

        rules.address_of(issuer, self.allowed)
        found = await self._json(http, "GET", get_well_known_url(issuer, external=True))
        try:
            metadata = msgspec.convert(found, Metadata)
        except msgspec.ValidationError as error:
            raise Unavailable(f"the provider's discovery document is not complete: {error}") from error
        if metadata.issuer != issuer:
            raise Invalid(
                "the provider calls itself otherwise: write the issuer exactly as its discovery document has it"
            )
        for address in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            self._require_address(address)
        if metadata.userinfo_endpoint is not None:
            self._require_address(metadata.userinfo_endpoint)
        return metadata

    def _require_address(self, address: str) -> None:
        try:
            rules.address_of(address, self.allowed)
        except Invalid as error:
            raise Unavailable(f"an address in the provider's discovery document cannot be used: {error}") from error

    async def _keys(self, http: httpx.AsyncClient, metadata: Metadata) -> Sequence[Mapping[str, Any]]:
        found = await self._json(http, "GET", metadata.jwks_uri)
        keys = found.get("keys")
        if not isinstance(keys, list):
            raise Unavailable("the provider does not publish its keys as it should")
        return [key for key in keys[:MOST_KEYS] if isinstance(key, dict) and _may_sign(key)]

    async def redeem(self, client: Client, code: str, verifier: str, now: datetime) -> Grant:
        """A code for tokens. Raises Unauthenticated where the provider does not take it, Unavailable."""
        metadata = await self.metadata(client.issuer, now)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            headers["Authorization"] = _basic(client)
        else:
            form |= {"client_id": client.id, "client_secret": client.secret}
        async with self._http(client.issuer) as http:
            answer = await self._json(
                http, "POST", metadata.token_endpoint, data=form, headers=headers, refused="the sign-in"
            )
        try:
            return msgspec.convert(answer, Grant)
        except msgspec.ValidationError as error:
            raise Unavailable("the provider's answer holds no ID token: it needs the scope `openid`") from error

    async def claims(self, client: Client, id_token: str, nonce: str, now: datetime) -> dict[str, Any]:
        """Those of a token that this provider signed, for us and this sign-in. Raises Unauthenticated, Unavailable."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import import_key

        try:
            header = _header(id_token)
            key = await self._key(client.issuer, header, now)
            token = jwt.decode(id_token, import_key(dict(key)), algorithms=[header["alg"]])
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise Unauthenticated("the provider's token is not signed by it") from error
        rules.require_for_us(token.claims, client.issuer, client.id, nonce, now)
        return token.claims

    async def _key(self, issuer: str, header: Mapping[str, str], now: datetime) -> Mapping[str, Any]:
        """That which a token says it is signed with; fetched anew where it is not known, but not too often."""
        known = await self._about(issuer, now)
        found = _chosen(known.keys, header)
        if found is None and now - known.asked_at >= NEW_KEY_EVERY:
            known.asked_at = now
            async with self._http(issuer) as http:
                known.keys = await self._keys(http, known.metadata)
            found = _chosen(known.keys, header)
        if found is None:
            raise Unauthenticated("the provider's token is signed by a key that it does not publish")
        return found

    async def user_info(self, client: Client, access_token: str, subject: str, now: datetime) -> dict[str, Any]:
        """More claims of the same person; none where the provider tells none. Raises Unauthenticated, Unavailable."""
        endpoint = (await self.metadata(client.issuer, now)).userinfo_endpoint
        if endpoint is None or not access_token.isascii() or not access_token.isprintable() or not access_token:
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        async with self._http(client.issuer) as http:
            found = await self._json(http, "GET", endpoint, headers=headers, refused="the person")
        if found.get("sub") != subject:
            raise Unauthenticated("the provider tells of another person than it signed for")
        return found

    @asynccontextmanager
    async def _http(self, issuer: str) -> AsyncIterator[httpx.AsyncClient]:
        """Raises Unavailable where the provider does not answer in time, or too many ask it."""
        if self._open[issuer] >= AT_ONCE:
            raise Unavailable("too many sign in by this provider at once: try again in a moment")
        self._open[issuer] += 1
        try:
            with anyio.fail_after(WITHIN_SECONDS):
                async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(), follow_redirects=False) as http:
                    yield http
        except TimeoutError as error:
            raise Unavailable(f"the provider has not answered within {WITHIN_SECONDS:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unavailable("the provider cannot be reached") from error
        finally:
            self._open[issuer] -= 1
            self._open += Counter()  # forgets those that nobody asks

    async def _json(
        self, http: httpx.AsyncClient, method: str, url: str, refused: str = "", **request: Any
    ) -> dict[str, Any]:
        """`refused`: what a status of 4xx means. Raises Unauthenticated for that, else Unavailable."""
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **request.pop("headers", {})}
        async with http.stream(method, url, headers=asked, **request) as answer:
            if refused and 400 <= answer.status_code < 500:
                raise Unauthenticated(f"the provider refused {refused}: its client id and secret may be wrong here")
            if answer.status_code != 200:
                raise Unavailable(f"the provider answered with status {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise Unavailable("the provider answered in a form that was not asked for")
            body = bytearray()
            async for part in answer.aiter_raw():
                body += part
                if len(body) > MOST_BYTES:
                    raise Unavailable("the provider's answer is too long")
        try:
            found = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unavailable("the provider answered with something else than JSON") from error
        if not isinstance(found, dict):
            raise Unavailable("the provider answered with something else than a JSON object")
        return found


def place_to_go(metadata: Metadata, client: Client, state: str, nonce: str, verifier: str, **more: str) -> str:
    """Where the browser goes to sign in."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

    uri: str = prepare_grant_uri(
        metadata.authorization_endpoint,
        client.id,
        "code",
        client.redirect_uri,
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
        **more,
    )
    return uri


def _header(token: str) -> dict[str, str]:
    """Raises ValueError for what is signed in no way that is believed."""
    raw = token.partition(".")[0]
    header = msgspec.json.decode(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)), type=dict[str, Any])
    kid = header.get("kid", "")
    if header.get("alg") not in rules.SIGNED_BY or not isinstance(kid, str):
        raise ValueError("not signed by a public key")
    return {"alg": header["alg"], "kid": kid}


def _may_sign(key: Mapping[str, Any]) -> bool:
    """A public key for signatures; whatever else a provider publishes is passed over."""
    return key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"


def _chosen(keys: Sequence[Mapping[str, Any]], header: Mapping[str, str]) -> Mapping[str, Any] | None:
    """By its id; without one, the only key there is of that kind."""
    kind = {"R": "RSA", "P": "RSA", "E": "OKP" if header["alg"] == "EdDSA" else "EC"}[header["alg"][0]]
    fitting = [key for key in keys if key["kty"] == kind and key.get("alg", header["alg"]) == header["alg"]]
    if header["kid"]:
        fitting = [key for key in fitting if key.get("kid") == header["kid"]]
    return fitting[0] if len(fitting) == 1 else None


def _basic(client: Client) -> str:
    """As RFC 6749 (2.3.1) has it: both encoded as in a form, first."""
    pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
