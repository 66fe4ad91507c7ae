"""The OpenAPI document and the pages made from it."""

import re
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from crontopus.api import document, reference
from crontopus.api.app import api_router
from crontopus.api.examples import BODIES
from crontopus.client import Client
from tests.world import World

APP = Litestar([api_router()], openapi_config=None)
TOLD = document.document(APP)
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in TOLD["paths"].items()
    for method, operation in methods.items()
]
JSON = "application/json"
NOT_OF_THE_CLIENT = {"metrics"}
"""Prometheus reads these."""


def test_every_operation_is_a_method_of_the_client() -> None:
    named = [operation["operationId"] for methods in TOLD["paths"].values() for operation in methods.values()]
    assert len(named) == len(set(named))
    assert [name for name in named if not hasattr(Client, name) and name not in NOT_OF_THE_CLIENT] == []


def test_what_is_no_json_is_told_as_what_it_is() -> None:
    for path, method, handler in document.operations(APP):
        told = TOLD["paths"][path][method.lower()]["responses"][str(handler.status_code)].get("content", {})
        kind = f"{getattr(handler.media_type, 'value', handler.media_type) or JSON}".partition(";")[0]
        assert not told or kind in told, path


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_what_it_is_and_needs(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["x-scope"]
    assert all(parameter["description"] for parameter in operation["parameters"])
    in_path = set(re.findall(r"\{(\w+)\}", path))
    assert in_path == {one["name"] for one in operation["parameters"] if one["in"] == "path"}
    if "requestBody" in operation and operation["operationId"] != "resume_job":
        assert operation["operationId"] in BODIES


def test_every_reference_leads_somewhere() -> None:
    text = msgspec.json.encode(TOLD).decode()
    named = set(re.findall(r"#/components/schemas/([\w]+)", text))
    assert named <= set(TOLD["components"]["schemas"])


async def test_the_pages_hold_every_operation_and_load_nothing_from_elsewhere(world: World) -> None:
    page = await world.http.get("/docs/api")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for methods in TOLD["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page.text
    loaded = re.findall(r'(?:src|href)="([^"#]+)', page.text)
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)
    for address in {address for address in loaded if address.startswith("/docs/assets/")}:
        assert (await world.http.get(address)).status_code == 200
    assert "style=" not in page.text
    assert "<script>" not in page.text


async def test_the_type_of_a_problem_is_an_address_that_explains_it(world: World) -> None:
    problem = (await world.http.get("/api/v1/jobs")).json()
    path, _, anchor = problem["type"].partition("#")
    page = await world.http.get(path)
    assert f'id="{anchor}"' in page.text


async def test_the_document_is_served_as_it_is_written_down(world: World) -> None:
    assert (await world.http.get("/api/v1/openapi.json")).json() == msgspec.json.decode(msgspec.json.encode(TOLD))


def test_shapes_are_told_in_words() -> None:
    schema = {"anyOf": [{"$ref": "#/components/schemas/Schedule"}, {"type": "null"}]}
    assert reference.shape_of(schema) == [("Schedule", "Schedule"), (" or ", ""), ("null", "")]
