"""Copies of a whole lake, each consistent, and the way back."""

from clicklake.backup.manifest import Backup, backups
from clicklake.backup.restore import BroughtBack, restore_backup
from clicklake.backup.take import Taken, take_backup

__all__ = ["Backup", "BroughtBack", "Taken", "backups", "restore_backup", "take_backup"]
