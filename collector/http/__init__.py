"""How to ask: the only room that knows HTTP, tokens, the rate and what is worth another try."""
