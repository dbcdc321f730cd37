"""Rewriting OpenCensus code as OpenTelemetry code: ``census-compat rewrite``.

The way of a run (``rewriting``), in which nothing of the program is imported or run:

1. ``scan`` finds the uses of OpenCensus in each file. A ``context.File`` is a file with its tree and its uses.
2. ``flows`` groups the uses that must change together, because one object of OpenCensus goes from one to the other: through variables,
   attributes, arguments, results and files. ``following`` has a module for each of these ways.
3. ``rules`` has a function for each form of use. It returns the edits of a use, or why there are none: `Ask` and `Keep`. A group changes if
   all of its uses do.
4. ``rounds`` applies the groups that can change, reads the changed files anew, and repeats that until nothing changes. Beside the
   edits of the rules it makes those of ``imports`` and ``finishing``; ``markers`` writes the questions that are open.
5. ``texts`` changes files other than Python's; ``reports`` tells what was done; ``verify`` proves it by the telemetry.

To change what becomes of a form, start at its rule's id: ``grep -rn T019 rules/`` finds the function.
"""
