"""What the API and the dashboard read a lake by: the newest release, an engine that stays open, kept results."""

from clicklake.serving.kept import Kept
from clicklake.serving.serving import Serving

__all__ = ["Kept", "Serving"]
