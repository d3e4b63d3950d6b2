"""Configuration of nginx; it needs only modules that every package of nginx has."""

import os
import shutil
from datetime import date
from typing import Final

from benchmarks.server.answers import NOTHING, TOKEN, statistics
from benchmarks.server.places import Places

__all__ = ["find_nginx", "nginx_configuration"]

# No directive delays an answer. But one delays a 401, and one replaces it with another answer.
_LATE: Final = """auth_basic "late";
            auth_basic_user_file /dev/null;
            auth_delay {milliseconds:.0f}ms;
            error_page 401 =200 @statistics;"""

_AT_ONCE: Final = "return 200 $statistics;"

_CONFIGURATION: Final = """
daemon off;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log stderr error;
events {{
    worker_connections 4096;
}}
http {{
    client_body_temp_path {scratch}/nginx-body;
    proxy_temp_path {scratch}/nginx-proxy;
    fastcgi_temp_path {scratch}/nginx-fastcgi;
    uwsgi_temp_path {scratch}/nginx-uwsgi;
    scgi_temp_path {scratch}/nginx-scgi;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    log_format answered '$msec $request_time $status $request_uri';
    map_hash_max_size 65536;
    map_hash_bucket_size 128;
    map "$arg_from_date $arg_until_date" $statistics {{
        default '{nothing}';
{windows}
    }}
    server {{
        listen {address}:{port} backlog=1024;
        listen {address}:{tls_port} ssl backlog=1024;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        access_log {log} answered buffer=64k flush=100ms;
        location = /oauth/token/ {{
            access_log off;
            return 200 '{token}';
        }}
        location / {{
            {answer}
        }}
        location @statistics {{
            {at_once}
        }}
    }}
}}
"""


def find_nginx() -> str | None:
    """Return the path of nginx, which is often only on the administrator's PATH."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("nginx", path=places)


def nginx_configuration(places: Places, delay: float, today: date) -> str:
    """Return the configuration of a server that answers after `delay` seconds."""
    windows = (f"        '{first} {last}' '{text}';" for first, last, text in statistics(today))
    return _CONFIGURATION.format(
        scratch=places.scratch,
        address=places.address,
        port=places.port,
        tls_port=places.tls_port,
        chain=places.certificate.chain,
        key=places.certificate.key,
        log=places.log,
        answer=_LATE.format(milliseconds=delay * 1000) if delay else _AT_ONCE,
        at_once=_AT_ONCE,
        nothing=NOTHING,
        token=TOKEN,
        windows="\n".join(windows),
    )
