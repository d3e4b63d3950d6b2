"""What to collect: companies x windows, in a fixed order.

    companies file -> Companies --+
                                  +--> Plan (a sequence of cells)
    dates, --window -> Windows ---+     (--lookback moves the first day back)

    Plan, --shard -> Part: the cells that one of several processes asks for

Pure but for reading the companies file. Whatever is wrong in the input raises
`collector.core.errors.InputError`, which names the place and the remedy; `parse_days` and
`WindowSize.parse` raise `ValueError` instead, which the command line attributes to the option.
"""

from collector.plan.cell_set import (
    AnsweredCells,
    CellIndex,
    CellSet,
    absent_in_turns,
    cells_in_turns,
    count_by_shard,
)
from collector.plan.companies import (
    Companies,
    Duplicate,
    format_companies,
    parse_companies,
    read_companies,
)
from collector.plan.company_csv import RECORDED, Columns
from collector.plan.plan import Estimate, Plan, estimate
from collector.plan.shard import MOST_SHARDS, Part, Shard
from collector.plan.today import today_in, zone_named
from collector.plan.windows import (
    WHOLE,
    DateRange,
    WindowSize,
    clipped_windows,
    cut_windows,
    extend_back,
    parse_days,
    select_range,
    size_of,
)

__all__ = [
    "MOST_SHARDS",
    "RECORDED",
    "WHOLE",
    "AnsweredCells",
    "CellIndex",
    "CellSet",
    "Columns",
    "Companies",
    "DateRange",
    "Duplicate",
    "Estimate",
    "Part",
    "Plan",
    "Shard",
    "WindowSize",
    "absent_in_turns",
    "cells_in_turns",
    "clipped_windows",
    "count_by_shard",
    "cut_windows",
    "estimate",
    "extend_back",
    "format_companies",
    "parse_companies",
    "parse_days",
    "read_companies",
    "select_range",
    "size_of",
    "today_in",
    "zone_named",
]
