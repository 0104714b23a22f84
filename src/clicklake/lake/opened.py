"""An opened lake: its settings, its catalogue, its tables, and an engine to read them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from clicklake.config import LoadedSettings, Settings, load_settings
from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.engines.currency import load_rates, read_rates
from clicklake.engines.duckdb import DuckDB
from clicklake.engines.sql import Parameter
from clicklake.errors import UsageError
from clicklake.refine.registry import CONTRACTS
from clicklake.setting_types import size_in_bytes
from clicklake.storage import Store
from clicklake.storage.objects import is_url, split_url, store_options


class OpenedLake:
    """What running and reading share; see `Lake`."""

    def __init__(
        self,
        lake: str | Path | None = None,
        *,
        config: str | Path | None = None,
        profile: str | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> None:
        flags = {"lake": None if lake is None else str(lake), **(overrides or {})}
        given = {name: value for name, value in flags.items() if value is not None}
        self.given = {"config": None if config is None else str(config), "profile": profile, "overrides": given}
        """How the same lake is opened by another process."""
        self.loaded: LoadedSettings = load_settings(
            config=Path(config) if config else None, profile=profile, overrides=given
        )
        self.settings: Settings = self.loaded.settings
        _check_places(self.settings)
        self.catalogue = Catalogue(self.loaded.project)
        storage = self.settings.storage
        self.store = Store(
            root=self.settings.lake,
            options=self._object_store(),
            compression=storage.compression,
            compression_level=storage.compression_level,
            properties={
                "delta.checkpointInterval": str(storage.checkpoint_interval),
                "delta.logRetentionDuration": f"interval {storage.log_retention_days} days",
                "delta.deletedFileRetentionDuration": f"interval {storage.file_retention_days} days",
            },
        )
        self.store.check_format(CONTRACTS)

    def _object_store(self) -> dict[str, str]:
        """How the object store of the lake or of sources is reached."""
        given = self.settings.object_store
        keys = (given.access_key_id, given.secret_access_key, given.session_token)
        return store_options(
            os.environ,
            endpoint=given.endpoint,
            region=given.region,
            keys=tuple(key.get_secret_value() if key else None for key in keys),  # type: ignore[arg-type]
        )

    @property
    def path(self) -> str:
        """The lake's root."""
        return self.settings.lake

    @cached_property
    def rule_parameters(self) -> dict[str, Parameter]:
        """What the rules of contracts may name."""
        rules = self.settings.rules
        latest = rules.latest_event
        file, own = self.settings.currency_rates, self.settings.currency
        rates = load_rates(Path(file), own) if file else None
        return {
            "currency": own,
            "currencies": [own, *read_rates(rates)],
            "rates": rates,
            "max_amount": rules.max_amount,
            "earliest_event": rules.earliest_event,
            "latest_event": latest + timedelta(days=1) if latest else None,
        }

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What models and reports may name."""
        segments, lifetime = self.settings.segments, self.settings.lifetime_value
        affinity = self.settings.affinity
        return {
            **self.rule_parameters,
            "purchase_source": self.settings.purchase_source,
            "horizon_days": lifetime.horizon_days,
            "discount_rate": lifetime.discount_rate,
            "at_risk_gaps": lifetime.at_risk_gaps,
            "holidays": self._holidays(),
            "segment_high": segments.high,
            "segment_medium": segments.medium,
            "segment_low": segments.low,
            "affinity_min_orders": affinity.min_orders,
            "affinity_max_products": affinity.max_products,
        }

    def _holidays(self) -> tuple[date | None, ...]:
        """The days of the calendar; without one, a null, among which every day is null."""
        if not self.settings.holidays:
            return (None,)
        from clicklake.holidays import load_holidays

        return load_holidays(Path(self.settings.holidays))

    @property
    def log_directory(self) -> Path:
        """Where each run's log is written."""
        if self.settings.logs.directory:
            return Path(self.settings.logs.directory)
        beside = Path.cwd() if is_url(self.settings.lake) else Path(self.settings.lake)
        return (self.loaded.project or beside) / "logs"

    def engine(self) -> Engine:
        """A new engine by the settings."""
        if self.settings.engine == "spark":
            return self._spark()
        return self.local_engine()

    def local_engine(self) -> DuckDB:
        """A new engine in process, whatever the settings say: for what is small and looked at here."""
        settings = self.settings.duckdb
        return DuckDB(
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            spill=settings.temp_directory,
            reporting_timezone=self.settings.reporting_timezone,
        )

    def _spark(self) -> Engine:
        from clicklake.engines.spark import Spark, SparkOptions

        settings = self.settings.spark
        memory = f"{size_in_bytes(settings.memory) >> 20}m" if settings.memory else None
        return Spark(
            SparkOptions(settings.master, memory, settings.conf, None if self.store.is_local else self.store.options),
            reporting_timezone=self.settings.reporting_timezone,
            spill=self.settings.duckdb.temp_directory,
        )


def _check_places(settings: Settings) -> None:
    """Refuse URLs that can't be reached, or stand where only a file of this machine is of use.

    Raises:
        UsageError: There is one.
    """
    if is_url(settings.lake):
        split_url(settings.lake)
    own = {
        "currency_rates": settings.currency_rates,
        "holidays": settings.holidays,
        "duckdb.temp_directory": settings.duckdb.temp_directory,
        "logs.directory": settings.logs.directory,
        "openlineage.file": settings.openlineage.file,
        "access.keys_file": settings.access.keys_file,
        "access.tokens.public_key": settings.access.tokens.public_key,
        "access.tokens.jwks": settings.access.tokens.jwks,
    }
    for name, path in own.items():
        if path and is_url(path):
            raise UsageError(f"{name}: it must be on this machine; an object store holds the lake and sources alone")
