"""Script: many small increments of one lake in one process, each timed: LAKE FOLDER COUNT ROWS OUT.

The files are generated first: they follow each other in time.
"""

import json
import sys
import time
from pathlib import Path

from clicklake import Lake
from clicklake.synthetic import GeneratorConfig, generate

HOURS = 24


def main(path: str, folder: Path, count: int, rows: int, out: Path) -> None:
    generate(folder, GeneratorConfig(rows=count * rows, files=count, days=max(90, count // HOURS + 1)))
    lake = Lake(path)
    seconds = []
    for file in sorted((folder / "click_events").glob("*.csv")):
        begun = time.perf_counter()
        lake.run(click_events=file)
        seconds.append(time.perf_counter() - begun)
    out.write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
