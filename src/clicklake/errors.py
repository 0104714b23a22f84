"""Every error that clicklake raises on purpose.

ClicklakeError                  exit 1, the run failed
├── UsageError                  exit 2, wrong use or bad input
│   ├── ConfigError             a setting: key, file, line
│   ├── ContractError           a contract, mapping or model document: key, file, line
│   ├── UnknownNameError        no such source, table, report or column
│   ├── QueryError              SQL that can't run, or may not
│   ├── ForbiddenError          a role may not read or do it
│   ├── UnauthorizedError       no key or token that holds
│   └── MissingExtraError       a package that only some functions need is not installed
├── InputError                  exit 1, a file that can't be read; the others went in
├── EngineError                 the engine gave up
├── TookTooLongError            a query was stopped at its limit of time
├── NothingYetError             a lake without a release
├── StreamError                 a broker, topic or position that a stream can't go on with
├── FitError                    a statistical model that can't be fitted to the data
├── StorageError                a table that can't be read or written
│   ├── ChangesLostError        what a table had before is gone; what reads it is rebuilt
│   ├── ConflictError           another writer was faster; retryable
│   └── FormatVersionError      the lake is newer than the program (exit 2)
├── UnbalancedLedgerError       rows without a fate, or with two
├── CheckFailedError            a check of severity `fail` did not hold; nothing was published
└── QualityGateError            exit 3, a quality threshold said no
"""

from __future__ import annotations

from pathlib import Path


class ClicklakeError(Exception):
    """Base of all errors of clicklake.

    Args:
        message: What went wrong, where, and what to do, in words for the user.
    """

    exit_code = 1
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class UsageError(ClicklakeError):
    """Wrong use or bad input."""

    exit_code = 2


class _DocumentError(UsageError):
    """An error in a document that a person wrote.

    Args:
        message: What is wrong and what is allowed.
        file: The document.
        line: The line in it, from 1.
        key: The key that is wrong, dotted.
    """

    def __init__(
        self, message: str, *, file: Path | str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        self.file, self.line, self.key = file, line, key
        where = "" if file is None else f"{file}:{line}: " if line else f"{file}: "
        super().__init__(f"{where}{message}")


class ConfigError(_DocumentError):
    """A setting is unknown or has a wrong value."""


class ContractError(_DocumentError):
    """A contract, mapping, model or report document is wrong."""


class UnknownNameError(UsageError):
    """No source, table, report or column has this name."""


class QueryError(UsageError):
    """SQL of the user that can't run or is not allowed."""


class ForbiddenError(UsageError):
    """What the caller's role may not read or do."""


class UnauthorizedError(UsageError):
    """Nobody is known by what a caller shows: no key or token, a wrong one, or one that doesn't hold any more."""


class MissingExtraError(UsageError):
    """A package that only some functions need is not installed.

    Args:
        need: What needs which package, such as `fitted models need scipy`.
        extra: The extra of clicklake that brings it.
    """

    def __init__(self, need: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{need}: pip install 'clicklake[{extra}]'")


class InputError(ClicklakeError):
    """A file that can't be read.

    Args:
        file: Its path or URL.
        reason: Why.
    """

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file}: {reason}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        return type(self), (self.file, self.reason)


class EngineError(ClicklakeError):
    """The SQL engine failed."""


class TookTooLongError(ClicklakeError):
    """A query took longer than it may, and was stopped."""


class NothingYetError(ClicklakeError):
    """A lake that has published nothing yet."""


class StreamError(ClicklakeError):
    """A stream can't go on: its broker, its topic, or the place in it where it stopped."""


class FitError(ClicklakeError):
    """A statistical model can't be fitted to the data, such as where there is too little of it."""


class StorageError(ClicklakeError):
    """A table can't be read or written."""


class ChangesLostError(StorageError):
    """What changed in a table since an older version can't be told any more."""


class ConflictError(StorageError):
    """Another writer committed first."""

    retryable = True


class FormatVersionError(StorageError):
    """The lake's format is newer than this program."""

    exit_code = 2


class UnbalancedLedgerError(ClicklakeError):
    """Rows without a fate, or with two."""


class CheckFailedError(ClicklakeError):
    """A check of severity `fail` did not hold."""


class QualityGateError(ClicklakeError):
    """A quality threshold said no."""

    exit_code = 3
