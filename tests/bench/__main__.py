"""The benchmarks: `python -m tests.bench [PART ...]`, all parts by default. docs/benchmarks.md says what each means."""

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import lines, wrk
from tests.bench.parts import PARTS, Bench

UNLIMITED = {f"CRONTOPUS_{of}_REQUESTS_PER_MINUTE": "0" for of in ("ADDRESS", "TOKEN", "ACCOUNT")}


def main(names: list[str]) -> int:
    """0 where every limit is held."""
    for name in names:
        if name not in PARTS:
            raise SystemExit(f"there is no part {name!r}; there are: {', '.join(PARTS)}")
    wrk.need()
    os.environ |= UNLIMITED
    with tempfile.TemporaryDirectory(prefix="crontopus-bench-") as folder:
        bench = Bench(Path(folder))
        missed = sum(_measured(bench, name) for name in names or PARTS)
    print(f"{missed} limits were missed." if missed else "Every limit was held.")
    return 1 if missed else 0


def _measured(bench: Bench, name: str) -> int:
    """How many limits the part missed."""
    part = getattr(bench, name)
    begun = time.monotonic()
    print(f"{name}: {part.__doc__}", flush=True)
    measured = part()
    print(f"{lines.shown(measured)}\n  {time.monotonic() - begun:.0f} s\n", flush=True)
    return sum(line.held is False for line in measured)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
