"""What a Spark platform starts: `clicklake` with the session that spark-submit, Kubernetes or AWS Glue gives."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # by its path: then Python would look here first, and take our modules for its own
    sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != Path(__file__).resolve().parent]

from clicklake.errors import ClicklakeError, UsageError

_GLUE = ("--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID")
"""One of these is among the arguments of every job of AWS Glue."""

_COMMAND = "--clicklake"
_GLOBAL = ("--lake", "--config", "--profile", "--engine", "--log-level")


class JobError(ClicklakeError):
    """The command of a Glue job did not end well: Glue takes an exception for a failure, and no exit code."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command line, by the engine spark where it names no other, and leave with its exit code.

    Raises:
        JobError: On AWS Glue alone, instead of an exit code that is not 0.
    """
    from clicklake.cli.main import run

    given = list(sys.argv[1:] if argv is None else argv)
    glue = is_glue(given)
    arguments = from_glue(given) if glue else given
    if not any(argument.partition("=")[0] == "--engine" for argument in arguments):
        arguments = ["--engine", "spark", *arguments]
    code = run(arguments)
    if not glue:
        sys.exit(code)
    if code:
        raise JobError(f"clicklake ended with exit code {code}; its last lines on stderr say why")


def is_glue(arguments: Sequence[str]) -> bool:
    """Whether AWS Glue has put its own arguments among these."""
    return any(argument.partition("=")[0] in _GLUE for argument in arguments)


def from_glue(arguments: Sequence[str]) -> list[str]:
    """The command line in the arguments of a Glue job, which are pairs of a key and a value.

    `--clicklake` holds the command and what follows it, `--lake`, `--config`, `--profile`, `--engine` and `--log-level`
    are what they are elsewhere; all other keys are Glue's own.

    Raises:
        UsageError: There is no `--clicklake`.
    """
    found: dict[str, str] = {}
    waiting = list(arguments)
    while waiting:
        name, equals, value = waiting.pop(0).partition("=")
        if not equals and waiting and not waiting[0].startswith("--"):
            value = waiting.pop(0)
        elif not equals and name == _COMMAND and waiting:  # its value may begin with an option
            value = waiting.pop(0)
        found[name] = value
    if _COMMAND not in found:
        raise UsageError(f"the Glue job has no argument {_COMMAND}, such as {_COMMAND} 'run click_events=s3://...'")
    front = [part for name in _GLOBAL if found.get(name) for part in (name, found[name])]
    return [*front, *shlex.split(found[_COMMAND])]


if __name__ == "__main__":
    main()
