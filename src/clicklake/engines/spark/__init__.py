"""Apache Spark as a lake's engine: the same statements on a cluster."""

from clicklake.engines.spark.engine import Spark
from clicklake.engines.spark.session import SparkOptions

__all__ = ["Spark", "SparkOptions"]
