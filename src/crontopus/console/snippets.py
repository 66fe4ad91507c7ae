"""The lines to paste, so that something which runs already reports: one way of running each. Pure."""

from msgspec import Struct

from crontopus.wire.jobs import Job


class Snippet(Struct, frozen=True):
    """`once` reports an end, and is enough. `whole` also tells duration, exit status and, where it can, output."""

    key: str
    name: str
    once: str
    whole: str
    whole_note: str


def snippets(job: Job) -> list[Snippet]:
    """For `job`, the shortest first in each; the first is what most people need."""
    url, line = job.ping_url, cron_line(job)
    return [
        Snippet(
            "curl",
            "bash, curl",
            f"curl -fsS -m 10 --retry 5 -o /dev/null {url}",
            f"u={url}\n"
            'curl -fsS -m 10 --retry 5 -o /dev/null "$u/start"\n'
            "/path/to/command\n"
            'curl -fsS -m 10 --retry 5 -o /dev/null "$u/$?"',
            "Also tell its start, duration and exit status",
        ),
        Snippet(
            "wget",
            "wget",
            f"wget -q -T 10 -t 5 -O /dev/null {url}",
            f"u={url}\n"
            'wget -q -T 10 -t 5 -O /dev/null "$u/start"\n'
            "/path/to/command\n"
            'wget -q -T 10 -t 5 -O /dev/null "$u/$?"',
            "Also tell its start, duration and exit status",
        ),
        Snippet(
            "cron",
            "crontab",
            f"{line}  /path/to/command && curl -fsS -m 10 --retry 5 -o /dev/null {url}",
            f"{line}  crontopus run --url {url} -- /path/to/command",
            "Also tell start, duration, exit status and output",
        ),
        Snippet(
            "run",
            "crontopus run",
            f"crontopus run --url {url} -- /path/to/command",
            f"[Service]\nExecStart=crontopus run --url {url} -- /path/to/command",
            "The same in a systemd service",
        ),
        Snippet(
            "powershell",
            "PowerShell",
            f"Invoke-RestMethod -TimeoutSec 10 {url} | Out-Null",
            f'$u = "{url}"\n'
            'Invoke-RestMethod -TimeoutSec 10 "$u/start" | Out-Null\n'
            "& C:\\path\\to\\command.exe\n"
            'Invoke-RestMethod -TimeoutSec 10 "$u/$LASTEXITCODE" | Out-Null',
            "Also tell its start, duration and exit status",
        ),
        Snippet(
            "python",
            "Python",
            f'from urllib.request import urlopen\n\nurlopen("{url}", timeout=10)',
            "from urllib.request import urlopen\n\n"
            f'u = "{url}"\n'
            'urlopen(u + "/start", timeout=10)\n'
            "try:\n"
            "    work()\n"
            "except BaseException:\n"
            '    urlopen(u + "/fail", timeout=10)\n'
            "    raise\n"
            "urlopen(u, timeout=10)",
            "Also tell its start, duration and failure",
        ),
    ]


def cron_line(job: Job) -> str:
    """The five fields of the job's own schedule where it has them, else some to change."""
    schedules = job.schedule if isinstance(job.schedule, list) else [job.schedule]
    return next((schedule.cron for schedule in schedules if schedule and schedule.cron), "0 2 * * *")
