"""The command line with the faults that the environment asks for: `python -m faults.driver run ...`."""

from __future__ import annotations

import sys

import clicklake.lake  # noqa: F401 - so that what is wrapped is there
from clicklake.cli.main import main
from faults.points import install_from_environment

if __name__ == "__main__":
    install_from_environment()
    main(sys.argv[1:])
