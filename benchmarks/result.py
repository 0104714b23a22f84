"""What was measured at one size, and its medians."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.compare import differences, fact_differences, key_facts, true_facts
from benchmarks.measure import Cost, median
from benchmarks.own import LakeFacts, ReportTime
from benchmarks.peers import Outcome


@dataclass
class Result:
    """One size, all repetitions.

    Args:
        rows: Records.
        csv_bytes: The size of their file.
        truths: What the generator counted, one a file.
        load: Load average before; on a quiet machine nearly 0.
        floors: The floor's processes.
        copies: Seconds of the COPY alone.
        runs: `clicklake run`.
        reports: `clicklake report --all`.
        lakes: What the lakes tell.
        peers: The peers.
    """

    rows: int
    csv_bytes: int
    truths: list[dict[str, Any]]
    load: float
    floors: list[Cost] = field(default_factory=list)
    copies: list[float] = field(default_factory=list)
    runs: list[Cost] = field(default_factory=list)
    reports: list[Cost] = field(default_factory=list)
    lakes: list[LakeFacts] = field(default_factory=list)
    peers: list[Outcome] = field(default_factory=list)

    @property
    def floor(self) -> Cost:
        """The floor's process."""
        return median(self.floors)

    @property
    def copy_seconds(self) -> float:
        """The COPY alone."""
        return statistics.median(self.copies)

    @property
    def both(self) -> Cost:
        """Run and report, one after the other."""
        return median(self.totals)

    @property
    def totals(self) -> list[Cost]:
        """Run and report of each repetition."""
        return [one + two for one, two in zip(self.runs, self.reports, strict=True)]

    @property
    def lake(self) -> LakeFacts:
        """The lake of the last repetition; all are alike but for their times."""
        return self.lakes[-1]

    @property
    def stages(self) -> dict[str, tuple[float, float]]:
        """Wall and CPU seconds by stage."""
        return {
            name: (
                statistics.median(lake.stages[name][0] for lake in self.lakes),
                statistics.median(lake.stages[name][1] for lake in self.lakes),
            )
            for name in self.lake.stages
        }

    @property
    def report_times(self) -> dict[str, ReportTime]:
        """Times by report."""
        return report_medians(self.lakes)

    @property
    def bronze_share(self) -> float:
        """Bytes of bronze for one byte of CSV."""
        return self.lake.bronze_bytes / self.csv_bytes

    @property
    def facts(self) -> dict[str, str]:
        """What came out, at a glance."""
        return key_facts(self.lake.fates, self.lake.answers)

    def disagreements(self) -> dict[str, list[str]]:
        """Where the generator's count or a peer's answers differ from ours, by who says so."""
        found = {"generator": fact_differences(self.facts, true_facts(self.truths))}
        for peer in self.peers:
            if peer.answers:
                facts = key_facts(peer.fates, peer.answers)
                found[peer.name] = [
                    *fact_differences(self.facts, facts),
                    *differences(self.lake.answers, peer.answers),
                ]
        return {name: told for name, told in found.items() if told}

    def agreeing(self) -> list[str]:
        """Who computed the same as clicklake."""
        wrong = self.disagreements()
        answered = [peer.name for peer in self.peers if peer.answers]
        return [name for name in ("generator", *answered) if name not in wrong]


def report_medians(lakes: Sequence[LakeFacts]) -> dict[str, ReportTime]:
    """The medians of the reports' times."""
    return {
        name: ReportTime(
            first=statistics.median(lake.reports[name].first for lake in lakes),
            second=statistics.median(lake.reports[name].second for lake in lakes),
            rows=time.rows,
        )
        for name, time in lakes[-1].reports.items()
    }
