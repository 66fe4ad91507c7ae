"""`python -m crontopus`: the same as the `crontopus` script."""

import sys

from crontopus.cli import main

sys.exit(main())
