"""Of an alert that was told thousands of times little is read, and decides as all of it would."""

from datetime import timedelta

from msgspec.structs import replace

from crontopus.domain.routing import Kind, MessageState
from crontopus.storage import notifications, told
from crontopus.storage.identity import new_id
from crontopus.storage.notifications import Notification
from crontopus.wire.jobs import NewJob
from tests.world import World


async def told_often(world: World, times: int) -> Notification:
    """The first message of an alert that was told again so often."""
    async with world.signed_in("acme") as client:
        job = await client.add_job(NewJob(name="Nightly backup"))
        assert (await world.ping(f"{job.ping_url}/fail")).status_code == 200
        while await world.appliance.alerting.step():
            pass
        (alert,), (route,), (channel,) = [
            (await found).items for found in (client.alerts(), client.routes(), client.channels())
        ]
        async with world.appliance.db.write_all() as tx:
            first = Notification(
                id=new_id(tx.now),
                tenant_id=world.tenants["acme"].principal.tenant,
                alert_id=alert.id,
                channel_id=channel.id,
                kind=Kind.OPEN,
                number=1,
                opening=1,
                route_id=route.id,
                step=0,
                made_at=tx.now,
                state=MessageState.DELIVERED,
                arrived=True,
                settled_at=tx.now,
            )
            rows = [
                replace(
                    first,
                    id=new_id(tx.now),
                    kind=Kind.REMINDER if number % 3 else Kind.FAILURE,
                    number=number,
                    made_at=tx.now + timedelta(minutes=number),
                    settled_at=tx.now + timedelta(minutes=number if number != 7 else times + 1),
                    reference="" if number % 2 else "thread",
                )
                for number in range(1, times + 1)
            ]
            await notifications.add(tx, [first, *rows])
    return first


async def test_what_is_read_says_as_much_as_all_of_it(world: World) -> None:
    first = await told_often(world, 300)
    async with world.appliance.db.read_all() as tx:
        every = (await notifications.of_alerts(tx, [first.alert_id]))[first.alert_id]
        some = (await told.of_alerts(tx, [first.alert_id]))[first.alert_id]
    assert len(every) == 301
    assert len(some) <= 13
    for kind in (Kind.OPEN, Kind.REMINDER, Kind.FAILURE):
        of_all, of_some = ([each for each in found if each.kind is kind] for found in (every, some))
        assert max(each.number for each in of_all) == max(each.number for each in of_some)
        assert max(each.told.at for each in of_all) == max(each.told.at for each in of_some)
        assert max(each.made_at for each in of_all) == max(each.made_at for each in of_some)
    assert some[0] == first
    assert some == [each for each in every if each in some]
