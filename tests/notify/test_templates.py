"""Messages in words of one's own: what templates see, what is refused, and what is said where one fails."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.console.channel_kinds import NAMES
from crontopus.domain.errors import Invalid
from crontopus.domain.mail_server import mail_server as read_mail_server
from crontopus.domain.routing import Kind
from crontopus.notify import email, kinds, webhook
from crontopus.notify.contract import Own, Parcel
from crontopus.notify.outcome import Delivered
from crontopus.notify.samples import ordinary, trying
from crontopus.notify.templates import BODY, WORDS, applied, require_sound, values
from tests.notify import notices
from tests.notify.fakes import Fake, Reply, Request, served
from tests.notify.notices import HOSTILE, HOSTILE_AS_SHOWN, NOW, guarded, notice, single
from tests.smtp import mail_server


def faults(takes: tuple[str, ...], **given: str) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        require_sound("kind", takes, given, trying(NOW))
    return [(fault.pointer, fault.detail) for fault in refused.value.faults]


def own(parcel: Parcel, **given: str) -> Own:
    said, fault = applied(given, parcel)
    assert fault == ""
    return said.first.own


def test_a_template_sees_plain_values_by_the_names_that_are_told() -> None:
    seen = values(notice())
    assert set(seen) == set(NAMES)
    assert plain(seen)
    assert seen["class"] == "failed"
    assert (seen["since"], seen["since_iso"]) == ("2027-01-04 07:55 UTC", "2027-01-04T07:55:00Z")
    assert seen["output"] == "pg_dump: error: connection refused\ngiving up"
    assert (seen["link"], seen["links"][1]["text"]) == (notices.RUN, "Snooze for 1 hour")
    assert values(ordinary(NOW, "acme", "https://x.example"))["exit_code"] == 1


def plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and plain(each) for name, each in value.items())
    return all(map(plain, value)) if isinstance(value, list) else isinstance(value, str | int | None)


@pytest.mark.parametrize("parcel", [notices.hostile(), notices.endless(), notices.hostile("\ud800\x00\u202e\n")])
def test_what_a_template_sees_is_shown_as_text_and_is_of_a_length_that_somebody_reads(parcel: Parcel) -> None:
    seen = values(parcel.first)
    text = json.dumps(seen, ensure_ascii=False)
    assert not {"\u202e", "\u200b", "\x1b", "\ud800"} & set(text)
    assert len(text) < 40_000
    require_sound("kind", WORDS, {"text": "".join(f"{{{{ {name} }}}}\n" for name in NAMES)}, [parcel.first])


def test_what_templates_say_takes_the_place_of_ours_but_for_the_links() -> None:
    given = {"title": "{{ state }} {{ job }}", "text": "{{ got }}\n\n{{ output }}"}
    said, fault = applied(given, single(got="it failed"))
    assert fault == ""
    first = said.first
    assert first.own.title == "DOWN nightly-backup-1"
    assert first.own.text == "it failed\n\npg_dump: error: connection refused\ngiving up"
    assert (first.facts, first.output, first.links) == ((), (), notice().links)
    said, _ = applied({"title": "{{ state }}"}, single())
    assert (said.first.own.text, said.first.facts) == ("", notice().facts)


def test_each_of_several_is_said_in_these_words_but_of_so_many_that_they_are_counted_none() -> None:
    said, _ = applied({"title": "{{ job }}"}, notices.group(3))
    assert [each.own.title for each in said.notices] == ["nightly-backup-1", "nightly-backup-2", "nightly-backup-3"]
    assert applied({"title": "{{ job }}"}, notices.summary(30)) == (notices.summary(30), "")


def test_what_fails_is_said_in_our_words_and_the_rest_in_its_own() -> None:
    given = {"title": "one\n{{ 1 / opening - 1 }}{{ 1 // (opening - 1) }}", "text": "{{ state }}"}
    said, fault = applied(given, single())
    assert said.first.own == Own(text="DOWN", content_type="application/json")
    assert fault == "the template of the title failed, and our own words were sent: line 2: this divides by zero"


def test_what_says_nothing_is_said_in_our_words() -> None:
    said, fault = applied({"text": "{% if over %}{{ got }}{% endif %}", "title": " "}, single())
    assert (said.first, fault) == (replace(notice(), own=Own(content_type="application/json")), "")


def test_what_is_wrong_with_templates_is_said_of_each() -> None:
    assert faults(WORDS, title="{{ titel }}", text="one\n{% if %}") == [
        ("/templates/title", f"line 1: there is no 'titel': there are {', '.join(sorted(NAMES))}"),
        ("/templates/text", "line 2: expected an expression, got 'end of statement block'"),
    ]
    there = "a channel of the kind kind has no such template: "
    assert faults(WORDS, body="x") == [("/templates/body", f"{there}there are title, text")]
    assert faults((), title="x") == [("/templates/title", f"{there}it has none")]
    assert faults(WORDS, text="{{ tags[0] | join }}")[0][0] == "/templates/text"
    assert faults(WORDS, text="{% for line in (output | lines) %}{{ line }}\n.\n{% endfor %}{{ exit_code + 1 }}") == [
        ("/templates/text", "line 3: + takes two numbers, or two texts")
    ], "at the end of an alert nobody knows of an exit status"
    assert faults(WORDS, text="x\n" * 301) == [("/templates/text", "more than 300 lines come out")]


def test_a_body_that_is_no_json_where_a_value_has_quotes_is_refused() -> None:
    ((pointer, detail),) = faults(BODY, body='{"text": "{{ title }}"}')
    assert pointer == "/templates/body"
    assert "{{ value | tojson }}" in detail
    require_sound("webhook", BODY, {"body": '{"text": {{ title | tojson }}}'}, trying(NOW))
    require_sound("webhook", BODY, {"body": "text={{ title }}", "content_type": "text/plain"}, trying(NOW))


@pytest.mark.parametrize("type", ["text", "text/plain\r\nX-Evil: 1", "text/plain\n", "a b/c", "text/plain; x=y", "é/é"])
def test_a_type_makes_no_second_header(type: str) -> None:
    why = "a type is such as application/json, text/plain or application/xml"
    assert faults(BODY, body="x", content_type=type) == [("/templates/content_type", why)]


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_kind_takes_what_it_can_say(kind: str) -> None:
    """Who keeps alerts by fields of its own is told by these; all that people read takes a title and a text."""
    wanted = {"webhook": BODY, "issues": WORDS}.get(kind, () if kinds.keeps(kind) else WORDS)
    assert kinds.templates(kind) == wanted


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_what_a_kind_would_say_can_be_seen(kind: str) -> None:
    said = kinds.shown(kind, single().first)
    if kind == "webhook":
        assert json.loads(said.body)["data"]["title"] == "nightly backup 1"
    else:
        assert said.title == "DOWN: nightly backup 1"
        assert "It ended with exit status 1." in said.text


class Anything(Fake):
    """Somebody who takes whatever is posted."""

    def take(self, request: Request) -> Reply:
        return Reply(204)


@pytest.fixture
async def there() -> AsyncIterator[Anything]:
    async with served(Anything()) as fake:
        yield fake


async def posted(there: Anything, parcel: Parcel, **given: str) -> Request:
    said, fault = applied(given, parcel)
    assert fault == ""
    settings = webhook.Settings(url=f"{there.url}/x", headers={"Authorization": "Bearer x"})
    assert await webhook.send(settings, said, guarded()) == Delivered()
    return there.requests[-1]


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.RESOLVE])
async def test_a_body_of_ones_own_is_json_whatever_a_job_is_called(there: Anything, kind: Kind) -> None:
    body = """{
      "channel": "#ops", "color": {{ {"critical": "red"}[severity] | default("grey") | tojson }},
      "text": {{ (state ~ ": " ~ title) | tojson }}, "tags": {{ tags | tojson }}, "labels": {{ labels | tojson }},
      "lines": [{% for line in output | lines %}{{ line | tojson }}{{ "," if not loop.last }}{% endfor %}]
    }"""
    parcel = notices.hostile()
    request = await posted(there, Parcel((replace(parcel.first, kind=kind),), NOW), body=body)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer x"
    assert request.headers["webhook-id"] == str(parcel.first.id)
    assert request.json["text"] == f"{HOSTILE_AS_SHOWN}: {HOSTILE_AS_SHOWN}"
    assert request.json["lines"] == [HOSTILE_AS_SHOWN, HOSTILE_AS_SHOWN]
    assert request.json["color"] == "red"


async def test_a_body_of_another_type_shows_what_would_steer(there: Anything) -> None:
    request = await posted(there, single(title=HOSTILE), body="{{ title }}", content_type="text/plain; charset=utf-8")
    assert request.headers["content-type"] == "text/plain; charset=utf-8"
    assert request.body.decode() == HOSTILE_AS_SHOWN
    request = await posted(there, single(title="a&b=c d"), body="t={{ title | urlencode }}", content_type="text/plain")
    assert request.form == {"t": "a&b=c d"}


def test_a_body_that_turns_out_to_be_no_json_is_ours() -> None:
    given = {"body": '{"opening": {% if opening > 1 %}"{{ title }}"{% else %}1{% endif %}}'}
    require_sound("webhook", BODY, given, trying(NOW))
    said, fault = applied(given, single(title='"', opening=2))
    assert said.first.own.body == ""
    assert "what comes out is no JSON" in fault


async def test_a_letter_says_what_its_templates_say_as_text(there: Anything) -> None:
    hostile = "<b>x</b> & \u202e\r\nBcc: evil@example.org"
    given = {"title": "{{ state }} {{ title }}", "text": "{{ title }}\n\n{{ got }}"}
    said, _ = applied(given, single(title=hostile, got="<script>"))
    async with mail_server() as box:
        server = read_mail_server(
            f"smtp+plain://127.0.0.1:{box.port}", "Crontopus <crontopus@example.org>", "cron.example.org"
        )
        outcome = await email.send(email.Settings(to="ada@example.org"), said, server, "https://x.example/u")
        assert isinstance(outcome, Delivered)
        (letter,) = box.taken
    assert letter["Subject"] == "DOWN <b>x</b> & [U+202E]␍ Bcc: evil@example.org"
    assert letter["Bcc"] is None
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "<b>x</b> & [U+202E]␍ Bcc: evil@example.org\n\n<script>\n" in plain.get_content().replace("\r\n", "\n")
    assert "&lt;b&gt;x&lt;/b&gt; &amp; [U+202E]" in html.get_content()
    assert "<script>" not in html.get_content()
    assert "It ended with" not in plain.get_content()


@pytest.mark.parametrize("kind", Kind)
def test_one_template_can_tell_every_kind_of_message_apart(kind: Kind) -> None:
    said = own(single(kind), title="{{ 'well' if over else kind }} {{ alert }} {{ id }}")
    assert said.title.split()[0] == ("well" if kind is Kind.RESOLVE else kind.value)
    assert said.title.split()[1:] == [str(notice(kind).alert), str(notice(kind).id)]
