"""Who may do what."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from crontopus.domain.access import ALL, EVERYTHING, OF_KIND, Principal, Reach, Scope, SystemRole, scopes_of
from crontopus.domain.errors import Invalid, NotAllowed, NotFound
from crontopus.domain.tokens import Kind

ONE, TWO = UUID(int=1), UUID(int=2)


def _caller(reach: Reach = ALL, scopes: frozenset[Scope] = EVERYTHING) -> Principal:
    return Principal(id=ONE, tenant=TWO, tenant_name="Acme", scopes=scopes, reach=reach)


@pytest.mark.parametrize(
    ("reach", "namespace", "job", "covered"),
    [
        (ALL, ONE, TWO, True),
        (Reach(frozenset({ONE})), ONE, TWO, True),
        (Reach(frozenset({ONE})), TWO, TWO, False),
        (Reach(frozenset()), ONE, None, False),
        (Reach(job=TWO), ONE, TWO, True),
        (Reach(job=TWO), ONE, ONE, False),
        (Reach(job=TWO), ONE, None, False),
    ],
)
def test_reach(reach: Reach, namespace: UUID, job: UUID | None, covered: bool) -> None:
    assert reach.covers(namespace, job) is covered


def test_what_is_out_of_reach_is_not_there() -> None:
    _caller().require_namespace(ONE)
    for reach in (Reach(frozenset({TWO})), Reach(job=TWO)):
        with pytest.raises(NotFound):
            _caller(reach).require_namespace(ONE)
        with pytest.raises(NotAllowed):
            _caller(reach).require_all_jobs()


@pytest.mark.parametrize(
    ("superadmin", "reach", "may"),
    [(True, ALL, True), (False, ALL, False), (True, Reach(frozenset({ONE})), False), (True, Reach(job=ONE), False)],
)
def test_the_whole_installation_is_for_superadmins_and_what_reaches_all(
    superadmin: bool, reach: Reach, may: bool
) -> None:
    caller = replace(_caller(reach), system=SystemRole.SUPERADMIN if superadmin else SystemRole.SUPPORT)
    if may:
        caller.require_installation()
    else:
        with pytest.raises(NotAllowed):
            caller.require_installation()


def test_a_scope_one_has_not_is_refused_by_name() -> None:
    caller = _caller(scopes=frozenset({Scope.JOBS_READ}))
    caller.require(Scope.JOBS_READ)
    with pytest.raises(NotAllowed, match="jobs:write"):
        caller.require(Scope.JOBS_WRITE)


@pytest.mark.parametrize(
    ("scopes", "pings", "keys"),
    [
        (EVERYTHING, True, True),
        (frozenset({Scope.CHECK_INS_WRITE}), True, False),
        (frozenset({Scope.JOBS_READ, Scope.JOBS_WRITE}), False, False),
    ],
)
def test_secrets_are_shown_to_those_who_may_do_what_they_allow(
    scopes: frozenset[Scope], pings: bool, keys: bool
) -> None:
    caller = _caller(scopes=scopes)
    assert (caller.sees_ping_keys, caller.sees_namespace_keys) == (pings, keys)


def test_a_new_token_has_what_its_kind_may_have_and_its_maker_has() -> None:
    of_people = {Scope.MEMBERS_WRITE, Scope.TENANT_WRITE}
    assert scopes_of(Kind.SERVICE, [], EVERYTHING) == EVERYTHING - of_people
    assert scopes_of(Kind.SERVICE, sorted(of_people), EVERYTHING) == of_people
    assert scopes_of(Kind.USER, [], EVERYTHING) == EVERYTHING
    assert scopes_of(Kind.CHECK_INS, [], EVERYTHING) == OF_KIND[Kind.CHECK_INS]
    some = frozenset({Scope.JOBS_READ})
    assert scopes_of(Kind.SERVICE, [], some) == some
    with pytest.raises(NotAllowed):
        scopes_of(Kind.SERVICE, ["jobs:write"], some)
    with pytest.raises(NotAllowed):
        scopes_of(Kind.METRICS, [], some)
    with pytest.raises(Invalid):
        scopes_of(Kind.METRICS, ["jobs:read"], EVERYTHING)
    with pytest.raises(Invalid):
        scopes_of(Kind.SERVICE, ["everything"], EVERYTHING)


def test_a_caller_has_a_name_for_the_record() -> None:
    assert _caller().name == f"token {ONE}"
