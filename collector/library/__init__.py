"""The collector for Python programs: what `from collector import ...` gives.

`collect` runs what `collector run` runs, in the event loop of the caller; `read_answers` reads what
`collector latest` prints. Nothing here prints, handles signals or touches what belongs to the whole
process, such as its logging.
"""
