"""What becomes of a collection when something goes wrong: the collector beside its peers.

server   an API with a limit, that ignores dates, or that sends an answer twice
output   the lines that each program leaves, compared with what the server has sent
trials   a kill, a hidden limit, ignored dates, an answer too many
"""
