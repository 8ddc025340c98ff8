"""`python -m awl`."""

import sys

from awl.cli import main

if __name__ == "__main__":
    sys.exit(main())
