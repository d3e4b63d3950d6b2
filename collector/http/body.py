"""The body of an answer, which is read up to a limit."""

from typing import Final

from aiohttp import ClientResponse

__all__ = ["MAX_ANSWER_BYTES", "read_body"]

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""Largest answer in bytes, after decompression; real ones have about 200."""


async def read_body(response: ClientResponse) -> tuple[bytes, bool]:
    """Read the body up to the limit; return it, and whether it was cut.

    At the end of the body the connection returns to the pool by itself; in every other case it
    cannot serve another request, and is closed.
    """
    content = response.content
    if content.is_eof() and content.total_bytes <= MAX_ANSWER_BYTES:
        return content.read_nowait(), False
    try:
        body = b"" if content.at_eof() else await content.readany()
        while not content.at_eof() and len(body) <= MAX_ANSWER_BYTES:
            body += await content.readany()
    except BaseException:
        response.close()
        raise
    if len(body) <= MAX_ANSWER_BYTES:
        return body, False
    response.close()
    return body[:MAX_ANSWER_BYTES], True
