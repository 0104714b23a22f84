"""Script: one of several parts of click events about the same users: DIR ROWS FIRST_DAY DAYS USERS."""

import sys
from datetime import date
from pathlib import Path

from clicklake.synthetic import GeneratorConfig, generate

PRODUCTS = 5000

if __name__ == "__main__":
    folder, rows, start, days, users = sys.argv[1:]
    config = GeneratorConfig(
        rows=int(rows), start=date.fromisoformat(start), days=int(days), users=int(users), products=PRODUCTS
    )
    generate(Path(folder), config)
