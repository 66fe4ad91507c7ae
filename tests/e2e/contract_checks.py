"""What schemathesis is told to check of each answer, beside what it knows itself."""

import schemathesis

OF_ANOTHER = "marker-of-another-tenant"
"""Stands in every name of a tenant that whoever asks does not belong to."""


@schemathesis.check
def nothing_of_another_tenant(ctx: object, response: schemathesis.Response, case: object) -> None:
    assert OF_ANOTHER.encode() not in response.content, "the answer holds something of another tenant"
