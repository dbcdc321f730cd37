"""The cells of the page about notebooks, run again as notebooks do."""

from __future__ import annotations

import re
from pathlib import Path

from opencensus_compat.local import LocalEndpoint

_PAGE = (Path(__file__).parents[2] / "migration_guide" / "notebooks.md").read_text(encoding="utf-8")


def test_cells_that_run_again(run_program) -> None:
    """What the last cell makes arrives once each time, as the page shows, although the first cell has run twice."""
    cells = re.findall(r"^```python\n(# cell \d\n.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)
    [shown] = re.findall(r"^```text\n(.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)
    assert len(cells) == 2
    program = f"first, second = {cells!r}\nfor cell in (first, first, second):\n    exec(cell, globals())"
    with LocalEndpoint() as endpoint:
        run_program(program, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        [span], [line] = endpoint.rows("dependencies"), endpoint.rows("traces")
    assert line["operation_ParentId"] == span["id"]
    rows = [re.split(r"\s{2,}", row.strip()) for row in shown.splitlines()]
    assert rows == [["dependencies", span["name"], span["resultCode"]], ["traces", line["message"], f"in {span['name']}"]]
