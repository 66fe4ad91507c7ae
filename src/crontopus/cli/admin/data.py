"""What the operator does with the data itself, where nobody can sign in any more."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from crontopus.cli.call import shown
from crontopus.cli.output import Out, say
from crontopus.cli.serve import loaded, settings_options, started
from crontopus.cli.setup import read_password
from crontopus.cli.table import Cell
from crontopus.cli.values import converted
from crontopus.cli.words import Words
from crontopus.domain.errors import Invalid
from crontopus.wire.accounts import Recovery
from crontopus.wire.backups import Backup

_passphrase = click.option(
    "--passphrase-file", type=click.Path(path_type=Path, dir_okay=False), help="File with the passphrase that seals it."
)


@click.command()
@settings_options
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the backups.")
@click.option("--keep", type=click.IntRange(0), default=0, help="How many of the newest stay there; 0: all.")
@_passphrase
@shown
def backup(out: Out, into: Path, keep: int, passphrase_file: Path | None, **options: Any) -> None:
    """Copy the whole database into one file, while the server runs or not, and try it by reading it back.

    With a passphrase the file is sealed, and holds the secret key too; without one keep a copy of the key elsewhere.
    """

    def work() -> Backup:
        from crontopus import appliance

        return appliance.backup(loaded(options).config, into, _read(passphrase_file), keep)

    out.one(started(work), _card)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_passphrase
@shown
def verify(out: Out, file: Path, passphrase_file: Path | None) -> None:
    """Read a backup back: every byte, the database in it, and as many rows as it says."""

    def work() -> Backup:
        from crontopus import appliance

        return appliance.verify_backup(file, _read(passphrase_file))

    out.one(started(work), _card)


@click.command()
@click.argument("backup_file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@settings_options
@_passphrase
@shown
def restore(out: Out, backup_file: Path, passphrase_file: Path | None, **options: Any) -> None:
    """Put a backup into an empty data folder, or an empty PostgreSQL database. Nothing is ever overwritten."""

    def work() -> Backup:
        from crontopus import appliance

        return appliance.restore(loaded(options).config, backup_file, _read(passphrase_file))

    out.one(started(work), _card)


def _read(passphrase_file: Path | None) -> str:
    """Its first line. Raises Invalid."""
    if passphrase_file is None:
        return ""
    try:
        passphrase = passphrase_file.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Invalid(f"the passphrase in {passphrase_file} cannot be read: {why}") from error
    if not passphrase:
        raise Invalid(f"{passphrase_file} begins with no passphrase")
    return passphrase


def _card(made: Backup, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "backup", made.file
    yield "made", words.instant(made.made_at)
    yield "bytes", f"{made.size_bytes:,}"
    yield "sha256", made.sha256
    yield "check-ins", f"{made.tables.get('check_ins', 0):,}"
    yield "jobs", f"{made.tables.get('jobs', 0):,}"
    yield "secret key", "in it" if made.has_key else "not in it: keep a copy of it elsewhere"


@click.command("rotate-key")
@settings_options
def rotate_key(**options: Any) -> None:
    """Put a new secret key in front of those in the data folder's secret.key.

    The next start of the server seals everything with it; what the older ones sealed stays readable as long as they
    stand in the file.
    """

    def work() -> Path:
        from crontopus import appliance

        return appliance.rotate_key(loaded(options).config)

    file = started(work)
    say(f"{file} begins with a new key. Back it up, and start the server anew")


@click.command("reset-password")
@settings_options
@click.option("--email", required=True, metavar="ADDRESS", help="Whose.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else it is asked for.")
@click.option("--superadmin", is_flag=True, help="And let them run the installation.")
@click.option("--factors", is_flag=True, help="And remove every second factor, for somebody who has lost theirs.")
def reset_password(email: str, password_stdin: bool, superadmin: bool, factors: bool, **options: Any) -> None:
    """Give a person a new password, and end all their sessions and own tokens.

    Works on the data folder itself while no server runs on it, or on a PostgreSQL database. The audit logs of their
    tenants tell of it.
    """
    password = read_password(password_stdin, new=True)
    fields = {"email": email, "password": password, "superadmin": superadmin, "factors": factors}
    form = converted(fields, Recovery)

    def work() -> list[str]:
        from crontopus import appliance

        return asyncio.run(appliance.recover(loaded(options).config, form))

    tenants = started(work)
    belongs = f"signs in to {', '.join(tenants)}" if tenants else "is a member of no tenant, and must be invited"
    say(f"{email} has a new password, and {belongs}")


COMMANDS = [backup, verify, restore, rotate_key, reset_password]
