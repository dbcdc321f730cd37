"""Proves each edit of a rewrite by the telemetry that it leaves unchanged.

`session` makes the runs: in a copy of the folder (`tree`), by `running`, which puts `inside` into the program's interpreters. `proving` finds
the edits that make a difference, `statements` says which lines must have run, `account` is the result, and `reports` show it.
"""
