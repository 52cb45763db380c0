"""`python -m fwp.cli` is `fwp`."""

from fwp.cli import main

if __name__ == "__main__":
    main()
