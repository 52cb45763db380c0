"""`python -m fwp.cli` is `fwp`."""

import sys

from fwp.cli import main

if __name__ == "__main__":
    # Python has put the current folder first, where a file would take an installed module's place; the program `fwp` does not.
    if sys.path and not sys.flags.safe_path:
        sys.path.append(sys.path.pop(0))
    main()
