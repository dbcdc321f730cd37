"""``python -m opencensus_compat.local``: the command ``census-compat local``."""

from __future__ import annotations

import argparse
import sys

from .cli import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="census-compat local")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
