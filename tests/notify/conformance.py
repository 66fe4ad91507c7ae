"""What every channel does alike, against a provider that refuses whatever its documentation does not allow.

A test of a channel inherits `Conformance`, and says by a fixture `channel` which it is.
"""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import Struct

from crontopus.domain.routing import Kind
from crontopus.notify.contract import Http, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from tests.notify import notices
from tests.notify.fakes import Cut, Fake, Reply, Seen

GARBAGE: list[Any] = [
    b"",
    b"ok",
    b"<html><body>Sign in</body></html>",
    b"\xff\xfe\x00",
    b"[" * 60_000,
    None,
    True,
    [],
    {},
    {"id": None, "ok": "?", "error": [], "errors": {}, "message": 7, "result": 1, "name": {}, "retry_after": "soon"},
    {"id": {}, "ok": False, "error": 5, "parameters": [], "code": "x", "status": "0", "retry_after": 1e300},
    {"retry_after": -5, "retry_after_ms": -1, "retry-after": 1e40, "parameters": {"retry_after": 1e25}},
]


class Channel(Struct):
    """One under test: its module in `notify`, its provider, and settings for that."""

    module: Any
    fake: Fake
    settings: Any

    async def send(self, parcel: Parcel, http: Http | None = None) -> Outcome:
        outcome: Outcome = await self.module.send(self.settings, parcel, http or notices.guarded())
        return outcome

    async def delivers(self, parcel: Parcel) -> str:
        """Sends it, and gives the reference."""
        outcome = await self.send(parcel)
        assert isinstance(outcome, Delivered), (outcome, self.fake.refused)
        assert self.fake.refused == []
        return outcome.reference

    async def delivers_after(self, kind: Kind, before: Parcel | None = None, **changes: Any) -> str:
        """Likewise, with the reference of what was sent before it."""
        reference = await self.delivers(before or notices.single())
        return await self.delivers(notices.single(kind, reference=reference, **changes))

    def texts(self) -> list[str]:
        return [seen.text for seen in self.fake.seen()]

    def newest(self) -> Seen:
        return self.fake.seen()[-1]

    def secrets(self) -> list[str]:
        return [str(getattr(self.settings, name)) for name in self.module.SECRETS if getattr(self.settings, name)]


class Conformance:
    """`shows_…`: there is room for that. `acts`: for so many links by which the reader acts."""

    shows_output = True
    shows_links = True
    shows_facts = True
    acts = 2
    hostile_characters = len(notices.HOSTILE_AS_SHOWN)

    async def test_it_tells_what_where_and_why(self, channel: Channel) -> None:
        await channel.delivers(notices.single())
        seen = channel.newest()
        assert "DOWN: nightly backup 1" in seen.text
        assert "It ended with exit status 1." in seen.text
        if self.shows_facts:
            assert "acme / default / nightly-backup-1 on db-3" in seen.text
            assert "exit status: 1, expected 0" in seen.text
        if self.shows_output:
            assert "pg_dump: error: connection refused\ngiving up" in seen.text
        if self.shows_links:
            assert notices.RUN in seen.links

    @pytest.mark.parametrize("kind", list(Kind))
    async def test_every_kind_is_taken_first(self, channel: Channel, kind: Kind) -> None:
        await channel.delivers(notices.single(kind))
        assert notices.STATES[kind] in channel.newest().text

    @pytest.mark.parametrize("kind", list(Kind))
    async def test_every_kind_is_taken_after_a_beginning(self, channel: Channel, kind: Kind) -> None:
        await channel.delivers_after(kind)
        assert any(notices.STATES[kind] in text for text in channel.texts())

    @pytest.mark.parametrize("kind", list(Kind))
    async def test_every_kind_is_taken_after_a_group(self, channel: Channel, kind: Kind) -> None:
        await channel.delivers_after(kind, notices.group())
        assert any("nightly backup 3" in text for text in channel.texts()), "what was told of others still stands"
        assert any(notices.STATES[kind] in text for text in channel.texts())

    @pytest.mark.parametrize("reference", ["x", "{}", "[]", '{"id": 7}', "[" * 5000, '{"id": "../../x?y"}'])
    async def test_a_reference_that_nobody_understands_loses_no_message(self, channel: Channel, reference: str) -> None:
        outcome = await channel.send(notices.single(Kind.RESOLVE, reference=reference))
        assert isinstance(outcome, Delivered | GiveUp)
        if isinstance(outcome, Delivered):
            assert "RECOVERED" in channel.newest().text

    async def test_what_is_over_before_it_is_told_is_told_with_its_end(self, channel: Channel) -> None:
        await channel.delivers(notices.single(ended=True))
        assert "WAS DOWN" in channel.newest().text

    async def test_who_reads_it_can_act_on_the_spot(self, channel: Channel) -> None:
        await channel.delivers(notices.parcel(notices.offering()))
        seen = channel.newest()
        shown = [act.text for act in notices.ACTS if act.url in seen.links or act.url in seen.text]
        assert shown == [act.text for act in notices.ACTS[: self.acts]]

    async def test_a_group_names_each(self, channel: Channel) -> None:
        await channel.delivers(notices.group())
        text = "\n".join(channel.texts())
        assert all(f"nightly backup {number}" in text for number in (1, 2, 3))

    async def test_hostile_text_is_shown_and_does_nothing(self, channel: Channel) -> None:
        await channel.delivers(notices.hostile())
        seen = channel.newest()
        assert notices.HOSTILE_AS_SHOWN[: self.hostile_characters] in seen.text
        assert set(seen.links) <= {notices.RUN}
        assert seen.acting == ()

    @pytest.mark.parametrize("kind", [Kind.OPEN, Kind.RESOLVE])
    async def test_words_of_ones_own_take_the_place_of_ours_and_do_nothing_either(
        self, channel: Channel, kind: Kind
    ) -> None:
        await channel.delivers(notices.in_own_words(kind=kind))
        seen = channel.newest()
        assert notices.HOSTILE_AS_SHOWN[: self.hostile_characters] in seen.text
        assert set(seen.links) <= {notices.RUN}
        assert seen.acting == ()
        ours = ("DOWN", "RECOVERED", "It ended with", "acme / default", "exit status")
        assert [each for each in ours if each in seen.text] == []
        if self.shows_facts:
            assert "second paragraph" in seen.text

    @pytest.mark.parametrize(
        "parcel",
        [
            notices.endless(),
            notices.talkative(),
            notices.hostile("`" * 9000),
            notices.in_own_words("\n".join(["😀é" * 50] * 290)),
        ],
    )
    async def test_what_is_too_long_is_cut_to_what_is_taken(self, channel: Channel, parcel: Parcel) -> None:
        await channel.delivers(parcel)
        is_left_out = parcel.first.output and not self.shows_output and len(parcel.first.title) < 100
        assert is_left_out or "…" in channel.newest().text

    @pytest.mark.parametrize("said", ["\\", "\\" * 5000, "<", "&" * 5000, "\x00", "\ud800", "\u0301" * 5000, "\n", " "])
    async def test_odd_characters_are_taken(self, channel: Channel, said: str) -> None:
        await channel.delivers(notices.hostile(said))

    async def test_a_limit_of_its_rate_is_waited_for(self, channel: Channel) -> None:
        channel.fake.always = Reply(429, {}, {"Retry-After": "7"})
        outcome = await channel.send(notices.single())
        assert isinstance(outcome, TryAgain)
        assert outcome.after == timedelta(seconds=7)

    async def test_a_limit_until_an_instant_is_waited_for(self, channel: Channel) -> None:
        until = {"Retry-After": "Mon, 04 Jan 2027 08:02:00 GMT"}
        channel.fake.always = Reply(429, {}, until)
        outcome = await channel.send(notices.single())
        assert isinstance(outcome, TryAgain)
        assert outcome.after == timedelta(minutes=2)

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_fault_of_theirs_passes(self, channel: Channel, status: int) -> None:
        channel.fake.always = Reply(status, b"<html>Bad gateway</html>")
        outcome = await channel.send(notices.single())
        assert isinstance(outcome, TryAgain)
        assert str(status) in outcome.why

    async def test_what_is_refused_once_is_refused_always_and_others_are_not(self, channel: Channel) -> None:
        channel.fake.always = Reply(400, b"no")
        outcome = await channel.send(notices.single())
        assert isinstance(outcome, GiveUp)
        assert not outcome.broken

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    async def test_revoked_credentials_break_the_channel(self, channel: Channel, status: int) -> None:
        channel.fake.always = Reply(status, b"go away")
        outcome = await channel.send(notices.single())
        assert isinstance(outcome, GiveUp)
        assert outcome.broken

    async def test_a_redirect_breaks_the_channel(self, channel: Channel) -> None:
        channel.fake.always = Reply(302, b"", {"Location": "http://169.254.169.254/"})
        outcome = await channel.send(notices.single())
        assert isinstance(outcome, GiveUp)
        assert outcome.broken

    @pytest.mark.parametrize("status", [200, 201, 400, 403, 404, 409, 418, 429, 500])
    @pytest.mark.parametrize("kind", [Kind.OPEN, Kind.RESOLVE])
    async def test_no_answer_makes_it_stumble(self, channel: Channel, status: int, kind: Kind) -> None:
        reference = await channel.delivers(notices.single())
        for body in GARBAGE:
            channel.fake.always = Reply(status, body)
            outcome = await channel.send(notices.single(kind, reference=reference))
            assert status < 300 or isinstance(outcome, TryAgain | GiveUp), (body, outcome)

    async def test_a_web_page_is_no_success(self, channel: Channel) -> None:
        channel.fake.always = Reply(200, b"<!doctype html><title>Sign in</title>")
        assert isinstance(await channel.send(notices.single()), TryAgain)

    async def test_nobody_there_passes(self, channel: Channel) -> None:
        assert await channel.send(notices.single(), Cut(Unreachable("no answer"))) == TryAgain("no answer")

    async def test_it_is_known_whether_it_may_have_arrived(self, channel: Channel) -> None:
        cut = Cut(Unreachable("cut off", arrived=True))
        assert await channel.send(notices.single(), cut) == TryAgain("cut off", arrived=True)

    async def test_an_address_that_may_not_be_used_breaks_the_channel(self, channel: Channel) -> None:
        cut = Cut(Unreachable("10.0.0.1 may not be used", refused=True))
        assert await channel.send(notices.single(), cut) == GiveUp("10.0.0.1 may not be used", broken=True)

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
    async def test_no_reason_tells_a_secret(self, channel: Channel, status: int) -> None:
        told = " ".join(channel.secrets())
        for body in (
            {"message": told, "description": told, "ok": False, "error": told, "errors": [told], "msg": told},
            {"error": {"message": told, "status": told}, "errorDescription": told, "success": False, "code": 50035},
            {"errcode": "M_UNKNOWN", "error": told, "errorDescription": told, "result": "error", "detail": told},
            told.encode(),
        ):
            channel.fake.always = Reply(status, body)
            outcome = await channel.send(notices.single())
            why = "" if isinstance(outcome, Delivered) else outcome.why
            assert not [secret for secret in channel.secrets() if secret in why]
