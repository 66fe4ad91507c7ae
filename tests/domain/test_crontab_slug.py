"""Names of jobs, from their commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain.crontab_slug import suggest_slug
from crontopus.domain.ids import is_slug


@pytest.mark.parametrize(
    ("command", "slug"),
    [
        ("backup", "backup"),
        ("/usr/local/bin/backup.sh --all >> /var/log/backup.log 2>&1", "backup"),
        ("cd /srv && /usr/bin/python3 backup.py --all", "backup"),
        ("certbot -q renew", "certbot-renew"),
        ("test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }", "run-parts-cron-daily"),
        ("[ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean", "sessionclean"),
        ("FOO=1 sudo -u www nice -n 19 /opt/bin/sync.sh", "sync"),
        ("flock -n /tmp/a.lock /usr/local/bin/thing go", "thing-go"),
        ("timeout 5m restic backup", "restic-backup"),
        ("php /var/www/artisan schedule:run", "artisan-schedule-run"),
        ("python -m app.jobs", "app-jobs"),
        ("/bin/bash -c 'do it'", "do-it"),
        ("docker exec -t db pg_dump", "docker-exec"),
        ("start", "job-start"),
        ("123", "job-123"),
        ("", "job"),
        ("%%%", "job"),
        ("Überprüfung", "uberprufung"),
    ],
)
def test_a_command_suggests_a_name(command: str, slug: str) -> None:
    assert suggest_slug(command) == slug


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert suggest_slug("backup", {"backup"}) == "backup-2"
    assert suggest_slug("backup", {"backup", "backup-2"}) == "backup-3"
    assert len(suggest_slug("x" * 200, {"x" * 100})) <= 100


@given(st.text(max_size=200))
def test_whatever_the_command_the_name_is_a_slug(command: str) -> None:
    slug = suggest_slug(command)
    assert is_slug(slug)
    assert suggest_slug(command, {slug}) != slug
