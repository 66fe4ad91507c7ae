"""What others wrote, on pages: nothing of it is hidden, and nothing turns the text beside it."""

from sqlalchemy import text

from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn, OutputText
from tests.console.test_pages import Visits
from tests.world import World

STEERING = "\u202e\u202d\u2066\u200f\u200b\ufeff\x1b\x9b"


def in_order(page: str) -> str:
    assert not set(page) & set(STEERING)
    return page


async def test_what_came_all_the_same_is_in_sight_on_every_page(world: World, visits: Visits) -> None:
    """As from a database that was written before such names were refused."""
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup", name="backup"))
        answer = await acme.check_in(
            CheckIn(
                kind="start",
                job=str(job.id),
                host="db\u202e01",
                output=OutputText(head="done\u202e\x1b[2Jgnp.exe\u200b"),
            )
        )
    await world.ping(world.ping_url("acme", "backup") + "?env=pr%E2%80%AEod", headers={"User-Agent": b"curl\x9b31m"})
    async with world.appliance.db.write_all() as tx:
        for table in ("jobs", "tenants", "tokens", "namespaces"):
            renamed = text(f"UPDATE {table} SET name = :name")  # noqa: S608 - the tables above
            await tx.sql.execute(renamed, {"name": "co\u202egnp\x9b.\u200bexe"})
    visitor = await visits("acme")
    for path in (
        "/jobs",
        f"/jobs/{job.id}",
        f"/jobs/{job.id}/check-ins",
        f"/jobs/{job.id}/runs",
        f"/jobs/{job.id}/edit",
        f"/runs/{answer.run}",
        "/tokens",
        "/namespaces",
        "/settings",
        "/audit",
    ):
        page = await visitor.get(path)
        assert page.status_code == 200, path
        assert "[U+202E]" in in_order(page.text) or path == "/audit", path
