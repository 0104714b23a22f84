"""`make faults`: kill runs by the hundred and print the score."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from faults.campaign import Case, Result, campaign, undisturbed
from faults.process import warm_up


def main() -> int:
    """Run a campaign.

    Returns:
        0 where nothing was lost, doubled, torn, unbalanced or failed; else 1.
    """
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="lakes at the same time")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other cases")
    parser.add_argument("--case", type=int, help="only this case of the seed, and keep its lake")
    parser.add_argument("--short", action="store_true", help="some dozen kills, each named point among them")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--folder", type=Path, help="where the lakes lie; those with faults stay")
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="clicklake-faults-"))).absolute()
    warm_up()
    if options.case is not None:
        return _one(folder, options.seed, options.case)
    begun = time.monotonic()
    results = _short(folder, options.seed) if options.short else _all(folder, options)
    bad = [result for result in results if result.faults()]
    print_score(results, time.monotonic() - begun, options.seed, is_told=options.short)
    if not bad:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


def print_score(results: list[Result], seconds: float, seed: int, *, is_told: bool = False) -> None:
    """Print the score, and how to repeat what went wrong."""
    for result in results:
        if is_told:
            print("\n".join([*result.story, *(f"no run came to {point}" for point in result.unreached)]))
        if faults := result.faults():
            print(f"\ncase {result.number}: make faults ARGS='--seed {seed} --case {result.number}'")
            print("\n".join(f"    {line}" for line in [*result.story, *faults]))
    rows = {
        "cases": len(results),
        "kills": sum(result.kills for result in results),
        "torn tables": sum(len(result.found.torn) for result in results),
        "lost rows": sum(result.found.lost_rows for result in results),
        "doubled rows": sum(result.found.doubled_rows for result in results),
        "unbalanced ledgers": sum(len(result.found.unbalanced) for result in results),
        "other faults": sum(len(result.found.wrong) for result in results),
        "failed runs": sum(len(result.failed) for result in results),
        "orphan files": sum(result.found.orphans for result in results),
        "seconds": round(seconds),
    }
    print()
    for name, value in rows.items():
        print(f"{name:<20}{value:>8,}")


def _one(folder: Path, seed: int, number: int) -> int:
    calm = undisturbed(folder / "undisturbed", seed * 1000 + number // 10)
    result = Case(folder / f"case-{number}", calm, seed, number).run()
    print("\n".join(result.story))
    print_score([result], 0, seed)
    print(f"the lake: {folder / f'case-{number}'}")
    return 1 if result.faults() else 0


def _short(folder: Path, seed: int) -> list[Result]:
    """A new lake and an increment with corrections: killed at each point, then at random."""
    calm = undisturbed(folder / "undisturbed", seed, slice(0, 3, 2))
    points = Case(folder / "points", calm, seed, 0).each_point(thorough=False)
    return [points, Case(folder / "random", calm, seed, 1).run(3)]


def _all(folder: Path, options: argparse.Namespace) -> list[Result]:
    """Share the cases among jobs, which are forks too."""
    import pickle

    pids = []
    for job in range(options.jobs):
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            pids.append(pid)
            continue
        code = 1
        try:
            # Each job has groups of ten cases, so that ten cases share the lake that they are compared with.
            numbers = (group * 10 + case for group in itertools.count(job, options.jobs) for case in range(10))
            made = []
            share = -(-options.kills // options.jobs)
            for result in campaign(folder / f"job{job}", options.seed, numbers, share, options.minutes * 60):
                made.append(result)
                mark = "ok" if not result.faults() else "FAULTS " + "; ".join(result.faults())[:300]
                print(f"case {result.number:>4} {result.kills:>3} kills  {mark}", file=sys.stderr, flush=True)
                result.found.content = {}
                (folder / f"job{job}.pickle").write_bytes(pickle.dumps(made))
            code = 0
        except BaseException as error:
            print(f"job {job}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    results = [
        result
        for job in range(options.jobs)
        if (folder / f"job{job}.pickle").is_file()
        for result in pickle.loads((folder / f"job{job}.pickle").read_bytes())
    ]
    if failed:
        raise SystemExit(f"{len(failed)} jobs broke off")
    return results


if __name__ == "__main__":
    sys.exit(main())
