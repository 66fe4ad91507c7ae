"""What an answer means: whether it is tried again, when, and what is said of it."""

from datetime import timedelta

import pytest

from crontopus.notify import answers
from crontopus.notify.contract import Answer, Unreachable
from crontopus.notify.masking import Mask
from crontopus.notify.outcome import GiveUp, TryAgain
from tests.notify.notices import NOW


def answer(status: int = 429, text: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text)


@pytest.mark.parametrize(
    ("given", "pause"),
    [
        ("7", timedelta(seconds=7)),
        (" 0 ", timedelta()),
        ("0.65", timedelta(milliseconds=650)),
        ("Mon, 04 Jan 2027 08:01:00 GMT", timedelta(minutes=1)),
        ("Mon, 04 Jan 2027 07:00:00 GMT", timedelta()),
        ("Monday, 04-Jan-27 08:01:00 GMT", timedelta(minutes=1)),
        ("9" * 400, timedelta(days=1)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=1)),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
    ],
)
def test_a_pause_is_read_in_either_form_and_within_reason(given: str, pause: timedelta | None) -> None:
    assert answers.retry_after(answer(retry_after=given), NOW) == pause


def test_an_instant_in_seconds_is_counted_from_now() -> None:
    reset = str(int(NOW.timestamp()) + 60)
    assert answers.until(answer(reset=reset), "reset", NOW) == timedelta(minutes=1)
    assert answers.until(answer(reset="soon"), "reset", NOW) is None


@pytest.mark.parametrize("given", [float("nan"), None])
def test_a_pause_that_is_none_is_none(given: float | None) -> None:
    assert answers.seconds(given) is None


@pytest.mark.parametrize(("given", "seconds"), [(float("inf"), 86_400), (-1.0, 0), (1e300, 86_400)])
def test_a_pause_is_within_reason(given: float, seconds: int) -> None:
    assert answers.seconds(given) == timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [407, 408, 421, 423, 425, 429, 500, 502, 503, 504, 521, 599])
def test_what_passes_is_tried_again(status: int) -> None:
    assert isinstance(answers.outcome("It", answer(status), NOW), TryAgain)


@pytest.mark.parametrize(
    ("status", "broken"),
    [(301, True), (400, False), (401, True), (403, True), (404, True), (409, False), (410, True), (413, False)],
)
def test_what_does_not_pass_is_given_up(status: int, broken: bool) -> None:
    found = answers.outcome("It", answer(status), NOW)
    assert isinstance(found, GiveUp)
    assert found.broken is broken


def test_a_reason_is_short_and_on_one_line_and_steers_nothing() -> None:
    found = answers.outcome("It", answer(400), NOW, "no\r\n\x1b[2J" + "x" * 1000)
    assert found.why.startswith("It answered 400 Bad Request: no")
    assert found.why.isprintable()
    assert len(found.why) < 250


def test_a_reason_names_no_secret_in_any_form() -> None:
    url = "https://x.example/hooks/s3cret-part-of-it/an%2Fother-secret-one?token=val%3Due-of-it-all&n=1"
    said = f"{url} s3cret-part-of-it an/other-secret-one an%2Fother-secret-one val=ue-of-it-all val%3Due-of-it-all, 1"
    found = answers.outcome("It", answer(400), NOW, said, [url])
    assert found.why == "It answered 400 Bad Request: … … … … … …, 1"


def test_a_word_in_the_address_of_a_secret_is_not_hidden_wherever_it_stands() -> None:
    mask = Mask(["https://example.org/hook?x=1"])
    assert mask("the hook at https://example.org/hook?x=1") == "the hook at …"


def test_nothing_is_hidden_where_there_is_no_secret() -> None:
    assert Mask([""])("as it is") == "as it is"


def test_nobody_there_is_judged_by_why() -> None:
    assert answers.unreachable(Unreachable("a")) == TryAgain("a")
    assert answers.unreachable(Unreachable("a", arrived=True)) == TryAgain("a", arrived=True)
    assert answers.unreachable(Unreachable("a", refused=True)) == GiveUp("a", broken=True)


@pytest.mark.parametrize("text", ["", "[", "[" * 60_000, "7", "null", '{"a": []}', "\ud800"])
def test_what_is_not_of_the_form_is_nothing(text: str) -> None:
    assert answers.read(answer(text=text), dict[str, int]) is None


def test_a_page_where_json_belongs_is_called_one() -> None:
    assert "a web page" in answers.unreadable("It", answer(200, " <!doctype html>")).why
