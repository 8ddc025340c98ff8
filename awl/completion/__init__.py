"""What shells offer when TAB is pressed: candidates, one adapter for each shell, the start-up file.

Nothing here imports click: a person waits for it with every TAB. What the command line consists of
stands in `table`, which `scripts/completion_table.py` writes from the commands themselves.
"""
