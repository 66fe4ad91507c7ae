"""How much of what takes long is done: a tenth or a sample by default, all of it where `CRONTOPUS_TEST_LONG` is 1."""

import os

LONG = os.environ.get("CRONTOPUS_TEST_LONG") == "1"


def scaled(full: int) -> int:
    """`full` in a long run, a tenth of it (at least one) else."""
    return full if LONG else max(1, full // 10)
