"""How long the redactor holds the event loop: `python -m benchmarks.redactor`. Seconds in all."""

import string
import time
from collections.abc import Callable
from random import Random
from typing import Final

from collector.core.secrets import Redactor, Secret

_TOKENS: Final = 60
_SIZES: Final = (40, 1200, 4000)
"""Characters of a token: opaque, a signed one (JWT), and one with many claims."""

_MOST: Final = 2048
"""Characters of an answer that `errors.jsonl` shows."""

_TEXTS: Final = {
    "plain": f"{string.ascii_letters} ",
    "a page": "<p>It&#39;s &amp; more text of a page</p>\n",
    "JSON in JSON": '{\\"a\\":\\"b c d\\",',
    "quotes in JSON": '\\"',
    "an address": "%41",
}


def main() -> None:
    """Print the times in milliseconds."""
    random = Random(1)  # noqa: S311 - the same tokens each time
    alphabet = f"{string.ascii_letters}{string.digits}-_."
    for size in _SIZES:
        tokens = ["".join(random.choices(alphabet, k=size)) for _ in range(_TOKENS)]
        redact = Redactor()
        redact.learn(Secret("client-id-4711"), Secret(tokens[0][:40]))
        took = [_milliseconds(redact.learn_token, Secret(token)) for token in tokens]
        print(f"{_TOKENS} tokens of {size} characters: {sum(took):.2f} ms, the last {took[-1]:.3f}")
        for name, unit in _TEXTS.items():
            text = unit * (2**20 // len(unit))
            beginning = min(_milliseconds(redact.beginning, text, _MOST) for _ in range(3))
            whole = _milliseconds(redact, text)
            print(f"    {name}: beginning {beginning:.2f} ms, the whole MiB {whole:.0f} ms")


def _milliseconds(work: Callable[..., object], *arguments: object) -> float:
    begun = time.perf_counter()
    work(*arguments)
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
