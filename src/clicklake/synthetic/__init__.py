"""Clicks made up from a seed, and commerce that fits them, with a known share of bad, late and duplicate records."""

from clicklake.synthetic.commerce import CommerceConfig
from clicklake.synthetic.config import GeneratorConfig
from clicklake.synthetic.produce import generate

__all__ = ["CommerceConfig", "GeneratorConfig", "generate"]
