"""Click data made up from a seed, with a known share of bad, late and duplicate records."""

from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.produce import generate

__all__ = ["GeneratorConfig", "generate"]
