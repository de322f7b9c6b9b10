"""The command `geoscope`, which is `python -m geoscope`."""

import sys

from geoscope.cli import process


def main() -> int:
    """Run the command line in this process and return its exit code."""

    def command() -> int:
        from geoscope.cli.app import main

        return main()

    return process.run(command)


if __name__ == "__main__":
    sys.exit(main())
