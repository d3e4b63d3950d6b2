"""The headings under which the help shows the options of the commands that send requests."""

from typing import Final

from cyclopts import Group

__all__ = ["OUTPUT", "PACE", "SELECTION", "SERVICE"]

SELECTION: Final = Group("What to collect", sort_key=1)
PACE: Final = Group("How fast", sort_key=2)
OUTPUT: Final = Group("Where it lands, what is shown", sort_key=3)
SERVICE: Final = Group("Which service", sort_key=4)
