"""The process of a run that a caller has started: what to do on stdin, what happens as lines of JSON on stdout."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import Any

from clicklake.errors import ClicklakeError
from clicklake.interrupts import Interrupts
from clicklake.lake import Lake, RunResult
from clicklake.runs import Stage


def main() -> int:
    """Do it; the exit code is the command line's."""
    # Nothing else may write where the lines go, not even a library.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(event: str, **data: Any) -> None:  # noqa: ANN401 - whatever JSON takes
        out.write(json.dumps({"event": event, "data": data}, default=_text) + "\n")
        out.flush()

    def progress(stage: Stage, begins: bool) -> None:
        tell("stage", **stage.told(), state="begins" if begins else "ended")

    with Interrupts() as interrupts:
        try:
            wanted = json.loads(sys.stdin.read())
            result = _do(wanted["lake"], wanted["command"], wanted["arguments"], progress)
        except (Exception, KeyboardInterrupt) as error:
            if interrupts.came:
                tell("failed", error="stopped; run again, nothing is lost or doubled")
                return interrupts.exit_code()
            if not isinstance(error, ClicklakeError):
                raise
            tell("failed", error=str(error))
            return error.exit_code
    if result.failures:
        tell("failed", error="; ".join(map(str, result.failures)), **_told(result))
        return 1
    tell("done", **_told(result))
    return 0


def _do(given: dict[str, Any], command: str, arguments: dict[str, Any], progress: Any) -> RunResult:  # noqa: ANN401
    lake = Lake(config=given["config"], profile=given["profile"], overrides=given["overrides"])
    if command == "replay":
        return lake.replay(arguments["source"], arguments["reason"], progress=progress)
    names = arguments["sources"]
    chosen = {name: list(lake.settings.sources[name].paths) for name in names} if names else None
    return lake.run(chosen, full=arguments["full"], progress=progress)


def _told(result: RunResult) -> dict[str, Any]:
    release = result.release
    return {
        "run_id": result.run_id,
        "release": release.release_id if release else None,
        "fates": result.fates,
        "files": {
            source: [{"file": item.file.path, "status": item.status} for item in found]
            for source, found in result.files.items()
        },
        "rebuilt": result.rebuilt,
        "restated": getattr(result, "restated", []),
        "seconds": result.seconds,
    }


def _text(value: object) -> str:
    if isinstance(value, datetime):
        moment = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return f"{moment.isoformat()}Z"
    return str(value)


if __name__ == "__main__":
    sys.exit(main())
