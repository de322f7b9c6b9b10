"""`python -m geoscope`."""

import sys

from geoscope.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
