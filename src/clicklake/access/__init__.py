"""Who may read what: roles and grants, keys and tokens, and SQL that can reach nothing else."""

from clicklake.access.access import Access
from clicklake.access.grants import Grants
from clicklake.access.principal import LOCAL, Principal
from clicklake.access.query import Limits, query

__all__ = ["LOCAL", "Access", "Grants", "Limits", "Principal", "query"]
