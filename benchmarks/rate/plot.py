"""Plot of the requests that a server accepted and rate-limited, second by second."""

from pathlib import Path

import matplotlib as mpl

from benchmarks.rate.scenario import Scenario
from benchmarks.rate.seen import Seen

__all__ = ["draw"]


def draw(scenario: Scenario, seen: Seen, file: Path) -> None:
    """Write an SVG of accepted and rate-limited requests per second over time, and of the limit."""
    # No display; text stays text, and two drawings of the same run are the same file.
    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "collector", "font.size": 9})
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only after the backend is chosen

    seconds = range(int(seen.seconds))
    accepted = [seen.accepted_between(second, second + 1) for second in seconds]
    refused = [seen.refused_between(second, second + 1) for second in seconds]
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    axes.step(seconds, accepted, where="post", color="#0072b2", linewidth=1.2, label="accepted")
    axes.bar(
        [second + 0.5 for second in seconds],
        refused,
        width=1.0,
        color="#d55e00",
        label="refused",
        hatch="//",
    )
    times, limits = _limit(scenario, seen)
    axes.step(
        times, limits, where="post", color="#444444", linestyle="--", linewidth=1, label="limit"
    )
    axes.set_xlabel("seconds since the first request")
    axes.set_ylabel("requests per second")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, seen.seconds)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _limit(scenario: Scenario, seen: Seen) -> tuple[list[float], list[float]]:
    steps = [(0.0, scenario.settings.rate_limit or 0.0)]
    steps += [(at, change["rate_limit"]) for at, change in scenario.changes]
    steps.append((seen.seconds, steps[-1][1]))
    return [at for at, _ in steps], [limit for _, limit in steps]
