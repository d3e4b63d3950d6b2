"""Runs the collector where no name server answers; no test by itself.

`python unanswered.py ARGUMENTS`: a name that ends with `.test` is looked up forever, and a file of
that name shows that the lookup has begun. A ping may take a tenth of a second in place of five, so
that tests need not wait.
"""

import socket
from pathlib import Path
from threading import Event
from typing import Any

from collector.cli.main import main
from collector.http import ping

_look_up = socket.getaddrinfo


def _look_up_or_hang(host: str, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - passed on
    if host.endswith(".test"):
        Path(host).touch()
        Event().wait()
    return _look_up(host, *arguments, **more)


if __name__ == "__main__":
    socket.getaddrinfo = _look_up_or_hang  # type: ignore[assignment]
    ping._SECONDS = 0.1  # type: ignore[misc]  # noqa: SLF001 - see above
    main()
