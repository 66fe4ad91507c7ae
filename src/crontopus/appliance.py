"""Composition root: from settings to a database, loops, an app and a server. Knows every part; cli/serve.py alone knows
it. One tree of tasks owns the server and every loop, and when one dies the process does."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import anyio
import structlog
from anyio import CapacityLimiter
from anyio.abc import TaskStatus
from litestar import Litestar
from msgspec import Struct
from msgspec.structs import replace

from crontopus import __version__, logs, signals, systemd
from crontopus import config as settings
from crontopus.api import shown
from crontopus.api.app import create_app, join
from crontopus.api.events import MOST_STREAMS
from crontopus.api.front import Front
from crontopus.api.operations import operations_router
from crontopus.api.parts import Parts
from crontopus.api.ping import Ping
from crontopus.api.room import Room
from crontopus.config import Config
from crontopus.console.app import console_router
from crontopus.console.errors import error_page
from crontopus.domain import passwords
from crontopus.domain.audit import Doer
from crontopus.domain.errors import CrontopusError, Invalid, NotFound
from crontopus.engine import (
    accounts,
    audit,
    backing_up,
    backups,
    diagnostics,
    digests,
    exports,
    mail,
    namespaces,
    purge,
    resets,
    setup,
    usage,
)
from crontopus.engine.absence import BEAT, Absence, Monotonic
from crontopus.engine.alerting import Alerting
from crontopus.engine.audit import AT_THE_DATA, ITSELF
from crontopus.engine.backing_up import BackingUp, Plan
from crontopus.engine.backlog import Backlogs
from crontopus.engine.broken import Broken
from crontopus.engine.digests import Digests
from crontopus.engine.exports import Exports
from crontopus.engine.health import Health
from crontopus.engine.heartbeat import Heartbeat
from crontopus.engine.intake import Intake
from crontopus.engine.keys import fitting_sealer, require_fitting
from crontopus.engine.limits import Limits, PerMinute
from crontopus.engine.links import Links
from crontopus.engine.lookout import Lookout
from crontopus.engine.loops import Loops
from crontopus.engine.mail import Mail
from crontopus.engine.notices import Notices
from crontopus.engine.oidc import Oidc
from crontopus.engine.outbox import Outbox
from crontopus.engine.passwords import Passwords
from crontopus.engine.people import Post
from crontopus.engine.purge import Purge
from crontopus.engine.resets import Resets
from crontopus.engine.retention import Kept, Retention
from crontopus.engine.sending import Reach, Sender
from crontopus.engine.sweep import Sweep
from crontopus.engine.usage import Usage
from crontopus.engine.verdicts import Verdicts
from crontopus.engine.vitals import Look
from crontopus.http import HttpServer, free_port
from crontopus.metrics import Metrics
from crontopus.notify import apprise
from crontopus.storage import accounts as stored_accounts
from crontopus.storage import sealing
from crontopus.storage.checkpoints import Checkpoints
from crontopus.storage.database import Clock, Database
from crontopus.storage.ledger import Ledger
from crontopus.storage.ledger.opening import open_ledger
from crontopus.storage.listening import Listener
from crontopus.storage.opening import FILE, open_database
from crontopus.storage.sealing import Sealer
from crontopus.wire.accounts import Recovery
from crontopus.wire.audit import SystemAuditVerdict
from crontopus.wire.backups import Backup

log = structlog.get_logger(__name__)

STOP_WITHIN_SECONDS = 5.0
"""Requests under way may take so long after SIGTERM, and so may a client within its headers."""
FINISH_WITHIN_SECONDS = 3.0
"""Then there is so long to store what is left: a stop is over within 10 s."""
PRUNE_EVERY = timedelta(minutes=10)
OPERATORS_EVERY = timedelta(minutes=10)


class Appliance(Struct, frozen=True, kw_only=True):
    """Everything but the HTTP server and the passing of time: what tests drive by hand."""

    config: Config
    db: Database
    ledger: Ledger
    intake: Intake
    sweep: Sweep
    absence: Absence
    retention: Retention
    purge: Purge
    exports: Exports
    usage: Usage
    alerting: Alerting
    outbox: Outbox
    digests: Digests
    lookout: Lookout
    loops: Loops
    metrics: Metrics
    parts: Parts
    app: Any
    process: UUID

    async def set_up_link(self) -> str | None:
        """The one-time link that makes the first person; None where that has happened."""
        async with self.db.write_all() as tx:
            code = await setup.code(tx)
        return None if code is None else f"{self.config.base_url}/setup?code={code}"


class SetUpResult(Struct, frozen=True):
    """What a script needs to go on: `token` is a service token, shown this once."""

    url: str
    tenant: str
    namespace: str
    ping_key: str
    token: str


def wall_clock() -> datetime:
    """UTC, in milliseconds."""
    return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)


@asynccontextmanager
async def assembled(
    config: Config, clock: Clock = wall_clock, monotonic: Monotonic = time.monotonic, app: Litestar | None = None
) -> AsyncIterator[Appliance]:
    """Every part, joined; nothing runs yet. `app`: what `made_app` made of settings that are the same there, and nobody
    uses any more. Raises Conflict, Invalid or Unavailable in plain words."""
    async with open_database(config.data, config.database_url, clock) as db:
        sealer = await fitting_sealer(db, config.data, config.secret_key)
        ledger = await open_ledger(db)
        try:
            yield _joined(config, db, ledger, sealer, monotonic, app or made_app(config))
        finally:
            await ledger.close()


def made_app(config: Config) -> Litestar:
    """All routes, of which there are hundreds: what takes longest before anything is served."""
    return create_app(
        [
            console_router(public_url=config.base_url, hosts=config.hosts),
            operations_router(metrics_open=config.metrics_open),
        ],
        error_page,
    )


def _joined(
    config: Config, db: Database, ledger: Ledger, sealer: Sealer, monotonic: Monotonic, app: Litestar
) -> Appliance:
    metrics = Metrics()
    process = uuid4()
    absence = Absence(db, process, monotonic, metrics)
    db.attend = absence.attend
    used = Usage(db)
    intake = Intake(ledger, metrics, used)
    health, loops = Health(db, ledger, config.data, monotonic), Loops(db.clock, metrics)
    own_backups = BackingUp(db, _place(config), _plan(config), process)
    letters = Mail(db, sealer, config.mail_server, process)
    reach, backlogs = _reach(config), Backlogs(db, health, metrics)
    heartbeat = Heartbeat(config.heartbeat_url, health, db.clock, reach.networks, reach.proxy)
    lookout = Lookout(db, health, monotonic, config.mail_server, config.operator_mail, config.base_url)
    look = Look(db, config.data, health, intake, loops, metrics, own_backups, letters, backlogs, heartbeat, lookout)
    links = Links(sealer, config.base_url)
    sender = Sender(sealer, db.clock, reach, lambda one: links.unsubscribe(one.tenant_id, one.id))
    parts = Parts(
        db=db,
        sender=sender,
        links=links,
        verdicts=Verdicts(db),
        intake=intake,
        usage=used,
        limits=Limits(_per_minute(config), used, monotonic),
        public_url=config.base_url,
        post=Post(letters, config.base_url),
        resets=Resets(db, letters, config.base_url),
        hosts=config.hosts,
        backing_up=own_backups,
        oidc=Oidc(config.provider_hosts),
        sealer=sealer,
        metrics=metrics,
        look=look,
        operators_need_second_factor=config.operators_need_second_factor,
    )
    ping = Ping(intake, db.clock, parts.patience, body_limit=config.ping_body_limit)
    return Appliance(
        config=config,
        db=db,
        ledger=ledger,
        intake=intake,
        sweep=Sweep(ledger, intake, absence, db.clock, metrics, loops),
        absence=absence,
        retention=Retention(db, _kept(config)),
        purge=Purge(db),
        exports=Exports(db, process),
        usage=used,
        alerting=Alerting(db, loops, mails=letters.is_on),
        outbox=Outbox(
            db,
            loops,
            Notices(config.base_url, links.acting),
            sender,
            process,
            metrics,
            Broken(letters, config.base_url),
        ),
        digests=Digests(db, letters, config.base_url),
        lookout=lookout,
        loops=loops,
        metrics=metrics,
        parts=parts,
        process=process,
        app=Front(ping, join(app, parts), Room(parts.patience), config.proxies, config.user_header),
    )


def _reach(config: Config) -> Reach:
    return Reach(
        mail=config.mail_server,
        networks=config.open_networks,
        proxy=config.alert_proxy or None,
        folder=Path(config.alert_log) if config.alert_log else None,
        apprise=CapacityLimiter(apprise.AT_ONCE) if config.allow_apprise else None,
    )


def _plan(config: Config) -> Plan:
    into = Path(config.backup_into) if config.backup_into else None
    return Plan(into, config.backup_every, config.backup_keep, config.backup_passphrase)


def _per_minute(config: Config) -> PerMinute:
    return PerMinute(
        address=config.address_requests_per_minute,
        token=config.token_requests_per_minute,
        account=config.account_requests_per_minute,
    )


def _kept(config: Config) -> Kept:
    return Kept(
        runs=config.runs_kept,
        output=config.output_kept,
        failed_output=config.failed_output_kept,
        output_bytes=config.output_bytes_kept,
    )


async def serve(config: Config, origins: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT. `origins`: where each setting comes from, by name.

    Raises in plain words what keeps it from starting.
    """
    logs.configure(config.log_level, config.log_format)
    if config.port == 0:
        config = replace(config, port=free_port(config.host))
    async with assembled(config) as appliance:
        appliance.parts.settings = settings.shown(config, origins)
        server = HttpServer(appliance.app, config.host, config.port)
        async with anyio.create_task_group() as tree:
            await tree.start(_loops, appliance)
            await _told(appliance.db, "server.start", ITSELF, {"version": __version__, "process": appliance.process})
            _spare_the_collector()
            tree.start_soon(_stop_on_signal, server, appliance)
            tree.start_soon(_say_hello, appliance, server)
            await server.serve()
            with anyio.move_on_after(FINISH_WITHIN_SECONDS):
                await _finish(appliance)
            tree.cancel_scope.cancel()


def _spare_the_collector() -> None:
    """What is loaded by now stays for good, and a batch makes thousands of objects, none of them in a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


async def _loops(appliance: Appliance, *, task_status: TaskStatus[None]) -> None:
    """Every loop. The gap since anybody last watched is known before any of them begins."""

    def every(pause: timedelta, name: str, step: Any) -> None:
        tree.start_soon(appliance.loops.run, pause, name, step)

    await appliance.absence.begin()
    await appliance.usage.step()
    await appliance.outbox.begin()
    await appliance.alerting.begin()
    with Listener(appliance.db) as listener, appliance.lookout.awake():
        async with anyio.create_task_group() as tree:
            tree.start_soon(appliance.intake.run)
            tree.start_soon(appliance.sweep.run)
            tree.start_soon(appliance.alerting.run)
            tree.start_soon(appliance.outbox.run)
            if not appliance.db.is_sqlite:
                every(timedelta(seconds=5), "listener", listener.step)
            every(BEAT, "heartbeat", appliance.absence.beat)
            every(BEAT * 6, "notices", appliance.absence.notices)
            every(PRUNE_EVERY, "retention", appliance.retention.prune)
            every(purge.EVERY, "purge", appliance.purge.step)
            every(exports.EVERY, "exports", appliance.exports.step)
            every(usage.EVERY, "usage", appliance.usage.step)
            every(namespaces.EVERY, "zones", namespaces.Followers(appliance.db).step)
            if appliance.parts.post.mail.is_on:
                every(mail.EVERY, "mail", appliance.parts.post.mail.step)
                every(resets.EVERY, "resets", appliance.parts.resets.step)
                every(digests.EVERY, "digests", appliance.digests.step)
            every(BEAT, "lookout", appliance.lookout.beat)
            every(BEAT, "checks", appliance.parts.look.health.step)
            every(OPERATORS_EVERY, "operators", appliance.lookout.remember)
            if appliance.config.heartbeat_url:
                every(appliance.config.heartbeat_every, "outgoing heartbeat", appliance.parts.look.heartbeat.step)
            if appliance.config.backup_into:
                every(backing_up.EVERY, "backups", appliance.parts.backing_up.step)
            every(timedelta(seconds=10), "watchdog", systemd.alive)
            if appliance.db.is_sqlite:
                every(timedelta(seconds=1), "checkpoint", Checkpoints(appliance.db).step)
            task_status.started()


async def _stop_on_signal(server: HttpServer, appliance: Appliance) -> None:
    """A second signal, or requests that do not end, are hung up on; what was acknowledged is on disk anyway."""
    try:
        with signals.heard() as heard:
            await heard.get()
            log.info("stopping")
            systemd.tell("STOPPING=1")
            appliance.parts.stop()
            appliance.absence.leave()
            server.stop()
            with anyio.move_on_after(STOP_WITHIN_SECONDS):
                await heard.get()
            server.hang_up()
    finally:
        signals.deafen()


async def _finish(appliance: Appliance) -> None:
    """A database that cannot be written at the end makes the next gap begin earlier, and nothing worse."""
    await appliance.intake.settled()
    try:
        await appliance.absence.end()
        await appliance.usage.step()
        await _told(appliance.db, "server.stop", ITSELF, {"process": appliance.process})
    except CrontopusError as error:
        log.warning("the last heartbeat or count was not stored", reason=str(error))


async def _told(db: Database, action: str, doer: Doer, after: Mapping[str, Any]) -> None:
    """In the installation's own audit log."""
    async with db.write_all() as tx:
        await audit.tell_of_installation(tx, doer, action, after)


async def _say_hello(appliance: Appliance, server: HttpServer) -> None:
    """Once connections are taken: whoever waits for the line can go on at once."""
    await server.listening()
    print(f"Crontopus {__version__} serves {appliance.config.base_url}", flush=True)
    link = await appliance.set_up_link()
    if link is not None:
        print(f"Set it up at {link}", flush=True)
    systemd.tell("READY=1")


def backup(config: Config, into: Path, passphrase: str, keep: int) -> Backup:
    """A backup of the database in use, tried. Raises a CrontopusError; then nothing is left of it."""
    return _shown(*backups.make(_place(config), into, wall_clock(), passphrase, keep))


def verify_backup(file: Path, passphrase: str) -> Backup:
    """Raises Invalid or Conflict where it is not whole."""
    return _shown(file, backups.check(file, passphrase))


def restore(config: Config, file: Path, passphrase: str) -> Backup:
    """Into an empty folder or database. Raises Conflict or Invalid; then nothing is changed."""
    restored = _shown(file, backups.restore(file, _place(config), passphrase))
    with suppress(CrontopusError):  # It is there all the same, and why it cannot be opened is said at the start.
        asyncio.run(_tell_restored(config, restored))
    return restored


async def _tell_restored(config: Config, restored: Backup) -> None:
    after = {"made_at": restored.made_at, "sha256": restored.sha256}
    async with open_database(config.data, config.database_url, wall_clock) as db:
        await _told(db, "backup.restore", AT_THE_DATA, after)


async def verify_audit(config: Config) -> list[SystemAuditVerdict]:
    """Of every log in a database that no server needs to serve. Raises Conflict where one holds the data folder."""
    _require_database(config)
    async with open_database(config.data, config.database_url, wall_clock) as db:
        return [shown.system_audit_verdict(*one) for one in await audit.verify_all(db)]


def _require_database(config: Config) -> None:
    """A folder that was mistyped is not made. Raises NotFound."""
    if not config.database_url and not (config.data / FILE).exists():
        raise NotFound(f"there is no database in {config.data}: name its folder with --data")


def _place(config: Config) -> backups.Place:
    return backups.Place(config.data, config.database_url, config.secret_key)


def _shown(file: Path, manifest: backups.Manifest) -> Backup:
    return Backup(
        file=str(file),
        made_at=manifest.made_at,
        size_bytes=file.stat().st_size,
        sha256=backups.digest(file),
        tables=manifest.tables,
        has_key=sealing.FILE in manifest.files,
    )


def rotate_key(config: Config) -> Path:
    """A new key in the key file, in front of the others.

    Raises Invalid or Unavailable, NotFound, and Conflict where a server holds the data folder; then nothing is changed.
    """
    if config.secret_key:
        raise Invalid(
            "the setting secret_key is in force: put a new key in front of it there, with a blank between them"
        )
    _require_database(config)
    asyncio.run(_require_key(config))
    return sealing.rotate(config.data)


async def _require_key(config: Config) -> None:
    """A server that was given its key as a setting has left the file behind. Raises Invalid."""
    async with open_database(config.data, config.database_url, wall_clock) as db:
        await require_fitting(db, config.data)


async def recover(config: Config, form: Recovery) -> list[str]:
    """A new password for somebody who is locked out; the names of their tenants.

    Raises NotFound where nobody has the address, Conflict where a server holds the data folder.
    """
    _require_database(config)
    email = form.email.strip().lower()
    async with assembled(config) as appliance, appliance.db.write_all() as tx:
        known = await stored_accounts.account(tx, email)
        passwords.require(form.password, "/password", email, known.name if known else "")
        hashed = await Passwords().hash(form.password)
        return await accounts.recover(tx, email, hashed, superadmin=form.superadmin, without_factors=form.factors)


async def diagnose(config: Config, origins: Mapping[str, str]) -> bytes:
    """Diagnostics of the data itself, where no server gives them. Raises NotFound, and Conflict where one holds the
    data folder.
    """
    _require_database(config)
    async with assembled(config) as appliance:
        told = settings.shown(config, origins)
        return await diagnostics.bundle(appliance.parts.look, told, logs.RECENT.lines, 0, MOST_STREAMS)


async def set_up(config: Config, email: str, password: str, tenant: str) -> SetUpResult:
    """Make the first person, tenant, namespace and a service token, without a browser or a running server.

    Raises Conflict where it is set up already, or a server holds the data folder.
    """
    passwords.require(password, "/password", email)
    hashed = await Passwords().hash(password)
    async with assembled(config) as appliance, appliance.db.write_all() as tx:
        founded = await setup.set_up(tx, appliance.parts.sealer, email, hashed, tenant)
        token = await setup.service_token(tx, founded)
    return SetUpResult(config.base_url, tenant, setup.NAMESPACE, founded.ping_key, token)
