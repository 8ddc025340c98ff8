"""The budgets of the design, measured: ``python -m bench`` writes ``docs/PERFORMANCE.md``.

measure.py times whole processes from outside; figure.py says what a figure is and how it stands to
its budget; figures/ measures; page.py and machine.py write it down. Timings are benchmarks, never
tests: nothing here fails because a machine was busy.
"""
