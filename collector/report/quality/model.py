"""What in the data is odd."""

from dataclasses import dataclass
from datetime import date

from collector.report.model import Company

__all__ = ["Quality"]


@dataclass(frozen=True, slots=True)
class Quality:
    """What in the data is odd. Lists hold at most 50 of what the count beside them says.

    `unbalanced`: cells whose total is not sended + pending + fails, with that difference in
    `unbalanced_examples` as (company, from, until, total, sum). `empty_everywhere`: companies with
    zeros in every answered window. `same_everywhere`: companies with two or more windows and the
    same answer, not an empty one, in each of them; `comparable` is how many have two or more
    answers that are not empty. `remarks`: what is odd in the files, in words.
    `is_incomplete`: the page lacks values that no column can hold, damaged lines, or a list of
    companies that is not known.
    """

    unbalanced: int
    unbalanced_examples: tuple[tuple[Company, date | None, date | None, int, int], ...]
    empty_everywhere: int
    empty_examples: tuple[Company, ...]
    same_everywhere: int
    comparable: int
    same_examples: tuple[Company, ...]
    remarks: tuple[str, ...]
    is_incomplete: bool = False

    @property
    def is_odd(self) -> bool:
        """Whether there is anything to say."""
        counts = (self.unbalanced, self.same_everywhere, self.empty_everywhere)
        return any(counts) or bool(self.remarks)
