"""Records as the lines of `click_events`."""

from __future__ import annotations

import numpy as np

from clicklake.synthetic import columns, text
from clicklake.synthetic.events import Events, Rule
from clicklake.synthetic.world import World

HEADER = b"UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome\n"

_SHORT_LINES = 4  # of the six spellings; the others are long lines
_TOO_MANY_COLUMNS = text.table(["", ",extra,7"])


def csv_lines(events: Events, world: World) -> bytes:
    """Write records as CSV without a header; malformed ones have too few columns, or too many."""
    rows = len(events)
    malformed = columns.breaks(events, Rule.MALFORMED_ROW)
    is_short = malformed & (events["spelling"] < _SHORT_LINES)
    begin = text.side_by_side(
        [
            columns.user_column(events, world),
            b",",
            columns.session_column(events),
            b",",
            columns.time_column(events, iso=False),
        ],
        rows,
    )
    rest = text.side_by_side(
        [
            b",",
            columns.type_column(events),
            b",",
            columns.product_column(events, world),
            b",",
            columns.amount_column(events),
            b",",
            columns.outcome_column(events),
        ],
        rows,
    )
    rest[is_short] = 0
    extra = text.pick(_TOO_MANY_COLUMNS, (malformed & ~is_short).astype(np.uint8))
    return text.squeeze(text.side_by_side([begin, rest, extra, b"\n"], rows))
