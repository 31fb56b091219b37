"""`python -m bookflow`: the command line without its entry point."""

import sys

from bookflow.cli import main

sys.exit(main())
