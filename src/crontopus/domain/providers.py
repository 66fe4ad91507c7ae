"""Sign-in providers (OpenID Connect): what their answers must say, and what follows for whoever comes by one."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from crontopus.domain import hosts
from crontopus.domain.access import Role
from crontopus.domain.errors import Fault, Invalid, Unauthenticated

VISIT_LIFE = timedelta(minutes=10)
"""So long somebody may take at their provider."""
SESSION_LIFE = timedelta(hours=12)
"""After it, whether used or not, the provider is asked again: it may have let the person go."""
LEEWAY = timedelta(minutes=1)
"""By so much the clock of a provider may differ from ours."""
FRESH = timedelta(minutes=10)
"""Whoever is to show again who they are has done so at the provider within this."""
MOST_SUBJECT = 255
MOST_GROUPS = 2000
SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""How an ID token may be signed: by a key whose public half is published. Never by nothing, never by a shared secret:
whoever knows a published key could sign with it as if it were one.
"""
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,200}")


class GroupRole(Struct, frozen=True):
    """What members of a group are in the tenant. `namespaces` are ids; empty: all."""

    group: str
    role: Role
    namespaces: list[str] = []


class Standing(Struct, frozen=True):
    """What somebody is to be in the tenant. `namespaces` are ids; empty: all."""

    role: Role
    namespaces: list[str] = []


class Told(Struct, frozen=True):
    """What a provider says of a person. `email` is verified and in lower case; `shown_at`: when they last showed there
    who they are, where it says so. `groups` is None where it said nothing about them.
    """

    subject: str
    email: str
    name: str
    groups: Sequence[str] | None
    shown_at: datetime | None


def address_of(text: str, allowed: Sequence[str], pointer: str = "/issuer") -> str:
    """An issuer or an endpoint. `allowed`: the names that may be reached; none: any over https. Raises Invalid."""
    why = _wrong_address(text, allowed)
    if why:
        raise Invalid(why, (Fault(pointer, why),))
    return text


def _wrong_address(text: str, allowed: Sequence[str]) -> str:
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        host, url = "", urlsplit("")
    if not host or not text.isprintable() or not text.isascii() or " " in text or "\\" in text:
        return "write an address such as https://login.example.com"
    if url.username is not None or url.password is not None or url.fragment:
        return "the address must not hold a name, a password or a #"
    if url.scheme == "http":
        if hosts.is_loopback(host) and host in map(str.lower, allowed):
            return ""
        return "it must begin with https:// (http only at a loopback name that the setting provider_hosts names)"
    if url.scheme != "https":
        return "it must begin with https://"
    if allowed and not any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in _lower(allowed)):
        return f"whoever runs this installation does not let it reach {host}: see the setting provider_hosts"
    return ""


def _lower(names: Sequence[str]) -> list[str]:
    return [name.lower() for name in names]


def domains_of(texts: Sequence[str]) -> list[str]:
    """In lower case, each once. Raises Invalid."""
    found = list(dict.fromkeys(text.strip().lower().removeprefix("@") for text in texts))
    for number, domain in enumerate(found):
        if not _DOMAIN.fullmatch(domain):
            raise Invalid(f"{domain!r} is no domain", (Fault(f"/domains/{number}", "write one such as example.com"),))
    return found


def require_for_us(claims: Mapping[str, Any], issuer: str, client: str, nonce: str, now: datetime) -> None:
    """An ID token whose signature is right was made by this issuer, for us, for this sign-in, and just now.

    Raises Unauthenticated, saying what is wrong: it is for whoever sets the provider up.
    """
    if claims.get("iss") != issuer:
        raise Unauthenticated("the provider's token names another issuer")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or client not in audiences:
        raise Unauthenticated("the provider's token is meant for another client")
    party = claims.get("azp")
    if (len(audiences) > 1 or party is not None) and party != client:
        raise Unauthenticated("the provider's token was given to another client")
    if claims.get("nonce") != nonce:
        raise Unauthenticated("the provider's token is of another sign-in")
    made, ends = _instant(claims, "iat"), _instant(claims, "exp")
    if made is None or ends is None or ends <= now - LEEWAY:
        raise Unauthenticated("the provider's token is over, or does not say how long it is good")
    begins = _instant(claims, "nbf") or made
    if max(made, begins) > now + LEEWAY:
        raise Unauthenticated("the provider's token is from the future: is the clock right, there and here?")


def told(claims: Mapping[str, Any], domains: Sequence[str], groups_claim: str) -> Told:
    """What matters of the claims. Raises Unauthenticated where they do not say enough to know who it is."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > MOST_SUBJECT or not subject.isprintable():
        raise Unauthenticated("the provider does not say who it is (`sub`)")
    email = claims.get("email")
    if not isinstance(email, str) or not email.isprintable() or not _EMAIL.fullmatch(email.strip()):
        raise Unauthenticated("the provider does not tell the e-mail address: it needs the scope `email`")
    email = email.strip().lower()
    if claims.get("email_verified") is not True:
        raise Unauthenticated("the provider has not verified the e-mail address (`email_verified`)")
    if email.rpartition("@")[2] not in domains:
        raise Unauthenticated("people of this e-mail domain do not sign in by this provider")
    name = claims.get("name")
    return Told(
        subject=subject,
        email=email,
        name=name.strip()[:200] if isinstance(name, str) and name.isprintable() else "",
        groups=_groups(claims.get(groups_claim)),
        shown_at=_instant(claims, "auth_time"),
    )


def standing_of(groups: Sequence[str] | None, roles: Sequence[GroupRole], default: Role | None) -> Standing | None:
    """By the mightiest role of any of the groups; of several entries of that role all namespaces together. None where
    none of the groups is one of `roles`, and there is no `default`.
    """
    found = [one for one in roles if one.group in set(groups or ())]
    if not found:
        return None if default is None else Standing(default)
    role = min((one.role for one in found), key=list(Role).index)
    mine = [one.namespaces for one in found if one.role is role]
    places = [] if [] in mine else list(dict.fromkeys(place for places in mine for place in places))
    return Standing(role, places)


def _groups(given: Any) -> list[str] | None:
    """A list of names, or one name."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list):
        return None
    return [one for one in given if isinstance(one, str)][:MOST_GROUPS]


def _instant(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Seconds since 1970; None where it is no such number."""
    given = claims.get(name)
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        return _EPOCH + timedelta(seconds=given)
    except (OverflowError, ValueError):
        return None


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
