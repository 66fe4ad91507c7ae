"""What cannot be read is refused in a sentence that says what to write; never in the validator's own words."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from crontopus import wire
from crontopus.config import Config
from crontopus.wire.accounts import NewToken, SetUp
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.wording import fault_of, in_words
from tests.world import World

PERSON = {"code": "x", "email": "ada@example.org", "password": "correct horse battery"}


@pytest.mark.parametrize(
    ("shape", "fields", "pointer", "sentence"),
    [
        (SetUp, {**PERSON, "email": "ada"}, "/email", "write an e-mail address, such as ada@example.org"),
        (SetUp, {**PERSON, "password": "short"}, "/password", "write at least 12 characters"),
        (SetUp, {"code": "x", "email": "a@b"}, "", "the field password is missing"),
        (CheckIn, {"kind": "done"}, "/kind", "write one of start, success, fail, exit, log, skipped"),
        (CheckIn, {"kind": "exit", "exit_code": 256}, "/exit_code", "write 255 or less"),
        (CheckIn, {"kind": "exit", "exit_code": 1.5}, "/exit_code", "write a whole number, not a decimal number"),
        (CheckIn, {"kind": "log", "output": 5}, "/output", "write an object, not a number"),
        (CheckIn, {"kind": "log", "run_id": "5"}, "/run_id", "write a UUID"),
        (CheckIn, {"kind": "log", "metrics": {"x" * 101: 1}}, "/metrics", "write at most 100 characters"),
        (NewToken, {"name": "", "kind": "s"}, "/name", "write at least 1 character"),
        (
            NewToken,
            {"name": "x", "kind": "z"},
            "/kind",
            "write one of s (service token), c (check-in token), m (metrics token)",
        ),
        (NewJob, {"tags": ["x", 1]}, "/tags/1", "write text, not a number"),
        (NewJob, {"tags": ["x"] * 51}, "/tags", "write at most 50 entries"),
        (NewJob, {"grace": None}, "/grace", "write a number or text, not null"),
        (NewJob, {"severity": "grave"}, "/severity", "'grave' is none of its values"),
        (NewJob, {"colour": "red"}, "", "there is no field 'colour'"),
        (
            NewJob,
            {"first_by": "2027-01-01T00:00:00"},
            "/first_by",
            "write an instant such as 2026-03-01T08:00:00Z, with its offset or Z",
        ),
    ],
)
def test_a_sentence_says_what_to_write(shape: type[Any], fields: dict[str, Any], pointer: str, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.json.decode(msgspec.json.encode(fields), type=shape)
    fault = fault_of(str(refusal.value))
    assert (fault.pointer, fault.detail) == (pointer, sentence)


def test_every_pattern_has_its_sentence() -> None:
    told = repr(msgspec.inspect.multi_type_info([Config, *_inputs()]))
    patterns = set(re.findall(r"pattern=('[^']+')", told))
    assert len(patterns) >= 5
    for quoted in patterns:
        assert in_words(f"Expected `str` matching regex {quoted}").startswith("write ")


async def test_a_parameter_is_refused_by_name_and_in_words(world: World) -> None:
    async with world.signed_in("acme") as acme:
        for given, sentence in (("0", "write 1 or more"), ("201", "write 200 or less"), ("x", "write a whole number")):
            told = (await acme.http.get("/jobs", params={"limit": given})).json()
            assert told["detail"].startswith(f"/limit: {sentence}"), told
            assert [one["pointer"] for one in told["errors"]] == ["/limit"]


async def test_a_query_is_refused_with_the_reason_itself(world: World) -> None:
    async with world.signed_in("acme") as acme:
        told = (await acme.http.get("/jobs", params={"q": '"half'})).json()
        assert told["detail"] == "a quotation mark is missing"
        assert told["errors"] == [{"pointer": "/q", "detail": "a quotation mark is missing"}]


def _inputs() -> Iterator[type[Any]]:
    for module in pkgutil.iter_modules(wire.__path__, "crontopus.wire."):
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and issubclass(found, wire.common.Input):
                yield found
