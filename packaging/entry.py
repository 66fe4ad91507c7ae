"""Where the frozen executable begins; elsewhere pip writes this script."""

import sys

from crontopus.cli import main

sys.exit(main())
