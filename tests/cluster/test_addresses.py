import dask.config
import pytest

from collector.cluster.cluster import check_addresses
from collector.core.errors import InputError


@pytest.mark.parametrize(
    "address",
    [
        "tls://10.0.0.1:8786",
        "tls://cluster.example:8786",
        "tcp://127.0.0.1:8786",
        "tcp://127.8.9.1:1",
        "tcp://[::1]:8786",
        "tcp://localhost:65535",
        "localhost:8786",
        "127.0.0.1:8786",
        "[::1]:8786",
        "inproc://10.0.0.1/3/4",
    ],
)
def test_no_other_process_can_listen(address: str) -> None:
    """TLS, this machine, or the very same process; Dask takes an address without scheme for TCP."""
    check_addresses([address], is_insecure=False)


@pytest.mark.parametrize(
    "address",
    [
        "tcp://10.0.0.1:8786",
        "10.0.0.1:8786",
        "cluster:8786",
        "tcp://[fd00::1]:8786",
        "tcp://0.0.0.0:8786",
        "tcp://localhost.example:8786",
        "tcp://127.0.0.1.example:8786",
        # What looks like a name of a user is part of the host for Dask.
        "tcp://127.0.0.1@10.0.0.1:8786",
        "tcp://10.0.0.1@127.0.0.1:8786",
        "tcp://10.0.0.1/127.0.0.1:8786",
    ],
)
def test_plain_text_needs_consent(address: str) -> None:
    """`--insecure-cluster` gives it; the message names both ways out."""
    with pytest.raises(InputError, match=r"plain text; .*tls://.*--insecure-cluster"):
        check_addresses([address], is_insecure=False)
    check_addresses([address], is_insecure=True)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "tcp://",
        "tls://",
        "tls://10.0.0.1",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:port",
        "tcp://::1:8786",
        "tcp://[::1",
        "http://127.0.0.1:8786",
        "ucx://127.0.0.1:8786",
        "unix:///tmp/scheduler",
        "tls://127.0.0.1:8786/path",
    ],
)
@pytest.mark.parametrize("is_insecure", [False, True])
def test_nonsense_is_refused(address: str, *, is_insecure: bool) -> None:
    """With words, not with a traceback, and with an example."""
    with pytest.raises(InputError, match=r"is no address of a scheduler; .*tls://10\.0\.0\.5:8786"):
        check_addresses([address], is_insecure=is_insecure)


def test_one_worker_is_enough_to_refuse() -> None:
    """All addresses of a cluster are looked at, and the one is named."""
    with pytest.raises(InputError, match=r"^tcp://10\.0\.0\.7:4"):
        check_addresses(["tls://10.0.0.5:1", "tcp://10.0.0.7:4"], is_insecure=False)


def test_a_scheme_that_dask_is_configured_with_counts() -> None:
    """It is what Dask will speak."""
    with dask.config.set({"distributed.comm.default-scheme": "tls"}):
        check_addresses(["10.0.0.1:8786"], is_insecure=False)
