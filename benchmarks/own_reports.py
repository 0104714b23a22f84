"""Script: each report of a lake twice on one engine, its seconds and rows: LAKE OUT JOURNEY_ROWS.

The first call opens the tables too; the second is what a dashboard that stays open sees.
"""

import json
import sys
import time
from pathlib import Path

from clicklake import Lake


def main(path: str, out: Path, journey_rows: int) -> None:
    lake = Lake(path)
    engine = lake.engine()
    found = {}
    for name in lake.catalogue.report_names:
        limit = journey_rows if name == "user_journey" else None
        seconds = []
        for _ in range(2):
            begun = time.perf_counter()
            rows = lake.report(name, engine=engine, limit=limit)
            seconds.append(time.perf_counter() - begun)
        found[name] = {"seconds": seconds, "rows": rows.to_pylist()}
    engine.close()
    out.write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
