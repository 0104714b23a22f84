"""Generating a data set, slice of time by slice of time, so that memory does not limit its size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from clicklake.errors import UsageError
from clicklake.own_folder import on_this_machine
from clicklake.synthetic import defects
from clicklake.synthetic.commerce.produce import SOURCES, Commerce
from clicklake.synthetic.commerce.shop import Shop
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.events import EVENT, Events
from clicklake.synthetic.files import Files
from clicklake.synthetic.plan import Slice
from clicklake.synthetic.rhythm import DAY, hourly_volume
from clicklake.synthetic.sessions import make_events
from clicklake.synthetic.sources import WEB_STREAM, Source, click_source, first_second, web_source
from clicklake.synthetic.truth import SourceTruth, Totals
from clicklake.synthetic.world import World

_LINES_AT_ONCE = 2**15
_WORLD_STREAM = 1


def generate(
    directory: Path, config: GeneratorConfig, *, progress: Callable[[int], None] | None = None
) -> dict[str, object]:
    """Write click data, the commerce that fits it where that is asked for, and the truth about both.

    Args:
        directory: Gets a folder for each source and `truth.json`; made where it does not exist.
        config: What to generate.
        progress: Called with the number of records written so far, of all sources.

    Returns:
        The truth, as in `truth.json`: what came, what of it is sound, and what the sound events add up to.

    Raises:
        UsageError: The directory holds generated data already.
    """
    _refuse_old_data(on_this_machine(directory))
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([config.seed, _WORLD_STREAM])
    begin = first_second(config.start)
    world = World(config.user_count, config.product_count, (begin, begin + config.days * DAY), rng)
    volume = hourly_volume(config.start, config.days, rng)
    sources = {
        "click_events": click_source(directory / "click_events", config, volume),
        "web_events": web_source(directory / "web_events", config, volume),
    }
    truths, totals = {name: SourceTruth() for name in sources}, Totals(world)
    written = 0

    def count(records: int) -> None:
        nonlocal written
        written += records
        if progress:
            progress(written)

    commerce: Commerce | None = None
    with ExitStack() as stack:
        if config.commerce:
            shop = Shop(config, config.commerce, world)
            commerce = stack.enter_context(Commerce(directory, shop, config.compression, count))
            commerce.write_master_data()
        for name, source in sources.items():
            for records in Producer(source, config, world, truths[name], totals, commerce).write():
                count(records)
    result = document(config, truths, totals, commerce)
    (directory / "truth.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def _refuse_old_data(directory: Path) -> None:
    for name in ("click_events", "web_events", *SOURCES, "truth.json"):
        if (directory / name).exists():
            raise UsageError(f"{directory / name} exists already. Delete it or choose another directory.")


def document(
    config: GeneratorConfig, truths: dict[str, SourceTruth], totals: Totals, commerce: Commerce | None
) -> dict[str, object]:
    """What stands in `truth.json`."""
    return {
        "seed": config.seed,
        "rows": config.rows,
        "web_rows": config.web_rows,
        "start": config.start.isoformat(),
        "days": config.days,
        "sources": {
            **{name: truth.as_dict() for name, truth in truths.items()},
            **(commerce.as_dict() if commerce else {}),
        },
        "totals": {**totals.as_dict(), **({"commerce": commerce.totals()} if commerce else {})},
    }


class Producer:
    """Makes and writes the records of one source.

    Args:
        source: The source.
        config: What to generate.
        world: Users and products.
        truth: Counts what is written.
        totals: Counts the distinct sound events.
        commerce: Makes the orders that belong to the purchases.
    """

    def __init__(
        self,
        source: Source,
        config: GeneratorConfig,
        world: World,
        truth: SourceTruth,
        totals: Totals,
        commerce: Commerce | None,
    ) -> None:
        self.source, self.config, self.world = source, config, world
        self.truth, self.totals, self.commerce = truth, totals, commerce
        self.seeds = (config.seed, source.stream, config.start.toordinal())

    def write(self) -> Iterator[int]:
        """Write all files; yield the number of records of each step."""
        with Files(self.config.compression, self.source.header) as files:
            for part, records in self.slices_as_they_arrive():
                path = self.source.path(part)
                if self.source.keeps_empty_files:
                    files.write(path, b"")
                for first in range(0, len(records), _LINES_AT_ONCE):
                    lines = self.source.lines(records[first : first + _LINES_AT_ONCE], self.world)
                    files.write(path, lines)
                self.truth.written(records)
                yield len(records)
        self.truth.files, self.truth.bytes = files.count, files.bytes

    def slices_as_they_arrive(self) -> Iterator[tuple[int, Events]]:
        """Make the slices; a record that arrives after its slice waits for the slice of its arrival."""
        waiting: Events = np.empty(0, EVENT)
        for planned in self.source.slices:
            rng = np.random.default_rng([*self.seeds, planned.number])
            records = np.concatenate([waiting, self._make(planned, rng)])
            is_due = records["arrival"] < planned.until
            waiting = records[~is_due]
            share = self.config.out_of_order_share
            yield planned.part, defects.in_order_of_arrival(records[is_due], share, rng)

    def _make(self, planned: Slice, rng: np.random.Generator) -> Events:
        """Make the records of the sessions that begin in a slice, with their defects and copies."""
        config, source = self.config, self.source
        quotas = defects.defect_quotas(planned, config)
        copied = planned.quota(config.duplicate_share)
        if copied + sum(quotas.values()) >= planned.records:  # then there might be no sound record to copy
            copied = 0
        block = source.first_block + planned.number
        events = make_events(planned.records - copied, planned.shares, block, source.rhythm, self.world, rng)
        defects.break_rules(events, quotas, rng)
        self.totals.happened(events)
        if self.commerce:
            self.commerce.follow(source, planned, events, self._order_rows(), self._order_part(planned))
        defects.delay_some(events, config.late_share, source.rhythm.end, rng)
        repeated = defects.copies(events, copied, source.rhythm.end, rng)
        return np.concatenate([events, repeated])

    def _order_rows(self) -> int | None:
        """The rows of `orders` that go with this source, where their number was asked for."""
        wanted = self.config.commerce.order_lines if self.config.commerce else None
        if wanted is None:
            return None
        web = round(wanted * self.config.web_rows / max(1, self.config.rows + self.config.web_rows))
        return web if self._is_web else wanted - web

    def _order_part(self, planned: Slice) -> int:
        """The files of orders follow those of the clicks; what web events tell of comes behind them."""
        return self.config.files if self._is_web else planned.part

    @property
    def _is_web(self) -> bool:
        return self.source.stream == WEB_STREAM
