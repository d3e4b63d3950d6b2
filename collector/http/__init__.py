"""HTTP client: requests, tokens, the rate gate and retry decisions.

The only room that knows aiohttp and asyncio-throttle.
"""
