"""Definitions of jobs as YAML: what `jobs export` prints and `jobs create -f` takes back."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import yaml

from crontopus.cli.values import converted
from crontopus.domain.errors import Fault, Invalid
from crontopus.wire.encoding import plain
from crontopus.wire.jobs import Job, NewJob

_FIRST = ("namespace", "slug", "name")
FIELDS = (*_FIRST, *(name for name in NewJob.__struct_fields__ if name not in _FIRST))
_DEFAULTS = msgspec.structs.asdict(NewJob())


def exported(job: Job) -> dict[str, Any]:
    """What a person decided about `job`, without what stands at its default and without its state."""
    decided = {field: getattr(job, field) for field in FIELDS}
    kept = {field: value for field, value in decided.items() if field in _FIRST or value != _DEFAULTS[field]}
    return {field: _whole(value) for field, value in plain(kept).items()}


def read(text: str | bytes, overruling: Mapping[str, Any]) -> list[NewJob]:
    """One definition, a list of them, or several documents, each with the fields of `overruling`.

    Raises Invalid with the faults of all of them.
    """
    jobs: list[NewJob] = []
    faults: list[Fault] = []
    for number, item in enumerate(documents(text)):
        try:
            jobs.append(new_job({**mapping(item), **overruling}))
        except Invalid as error:
            faults.append(Fault(f"/{number}", str(error)))
    if faults:
        raise Invalid("no job was made: these definitions need mending", tuple(faults))
    return jobs


def documents(text: str | bytes) -> list[Any]:
    """Raises Invalid where `text` is not YAML."""
    try:
        found = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise Invalid(f"this is not YAML: {error}") from error
    return [item for document in found for item in (document if isinstance(document, list) else [document])]


def mapping(item: Any) -> dict[str, Any]:
    """Raises Invalid where a definition is anything but fields and their values."""
    if not isinstance(item, dict):
        raise Invalid(f"a definition is made of `field: value`; this is {item!r:.40}")
    return item


def new_job(fields: Any) -> NewJob:
    return converted(fields, NewJob)


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Merge Patch (RFC 7396) from one definition to another; what is gone goes back to its default."""
    patch = {field: value for field, value in after.items() if field not in before or before[field] != value}
    if isinstance(patch.get("labels"), dict):
        gone = before.get("labels", {}).keys() - patch["labels"].keys()
        patch["labels"] = {**patch["labels"], **dict.fromkeys(gone)}
    return {**patch, **dict.fromkeys(before.keys() - after.keys())}


def _whole(value: Any) -> Any:
    """3600.0 as 3600, also within a schedule: people write it so."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_whole(item) for item in value]
    return value
