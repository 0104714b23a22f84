"""Settings of streams from Kafka."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from clicklake.setting_types import Broker, Duration, LibraryOption, MemorySize, SourceName, TopicName, single_as_list
from clicklake.settings.section import Section


class KafkaSettings(Section):
    """What `clicklake stream kafka` reads, and how."""

    brokers: Annotated[list[Broker], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="Brokers to begin with, such as kafka.example:9092; one may stand alone."
    )
    topics: dict[SourceName, TopicName] = Field(
        default_factory=dict, description="The topic of each source that is streamed, by the source's name."
    )
    group: Annotated[str, Field(min_length=1, max_length=249)] | None = Field(
        default=None,
        description="The consumer group; null for clicklake-SOURCE. What it commits is for monitoring alone.",
    )
    start: Literal["earliest", "latest"] = Field(
        default="earliest", description="Where a topic is begun that the lake has nothing of yet."
    )
    batch_seconds: float = Field(
        default=2.0,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds from one batch to the next, at the least; a batch that takes longer is followed at once.",
    )
    batch_rows: int = Field(
        default=100_000,
        ge=1,
        le=5_000_000,
        description="Messages of one commit to bronze, at the most; twice as many are held in memory.",
    )
    buffer: MemorySize = Field(
        default="64MB", description="Bytes of messages held in memory, at the most; then reading waits."
    )
    watermark: Duration = Field(
        default="1h",
        description="An event that is so far behind the newest one before it in its partition, or farther, is late: "
        "it is counted, and kept.",
    )
    event_time: str | None = Field(
        default=None,
        description="The column whose times are compared for it; null for the contract's first required time.",
    )
    on_gap: Literal["fail", "continue"] = Field(
        default="fail",
        description="What is done where messages are gone that were not read yet, or the topic was made anew: stop, or "
        "go on with the oldest message there is and note the gap in ops.streams.",
    )
    spark_source: Literal["python", "connector"] = Field(
        default="python",
        description="Who reads on Spark: the program's own Python data source, or Spark's connector, whose jars must "
        "be there and whose options are those of the Java client (not tested).",
    )
    options: dict[str, LibraryOption] = Field(
        default_factory=dict,
        description="Properties of librdkafka by name, such as security.protocol, sasl.username and sasl.password; "
        "secrets from the environment (${NAME}). They are never shown. In names of variables _ stands for the dot.",
    )
