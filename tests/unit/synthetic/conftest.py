from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clicklake.synthetic import GeneratorConfig, generate


@dataclass(frozen=True)
class Generated:
    directory: Path
    config: GeneratorConfig
    truth: dict

    def parts(self) -> list[Path]:
        return sorted((self.directory / "click_events").glob("part-*"))

    def hours(self) -> list[Path]:
        return sorted((self.directory / "web_events").glob("*/*/*/*/events-*"))


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """20,000 clicks in three parts, and web events of two days."""
    config = GeneratorConfig(rows=20_000, web_rows=6_000, files=3)
    directory = tmp_path_factory.mktemp("generated")
    yield Generated(directory, config, generate(directory, config))
