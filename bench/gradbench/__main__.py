"""Answer GradBench's messages: one JSON object per line on stdin, one on stdout."""

import argparse
import sys

from .._peers import one_thread
from ._tool import ProtocolError, serve


def main() -> int:
    """Serve until the input ends; status 2 where a line is no message."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gradbench",
        description="tapegrad as a tool of GradBench: reads one JSON message per line on stdin and "
        "writes one response per line on stdout.",
        epilog="The protocol: https://github.com/gradbench/gradbench",
    )
    parser.parse_args()
    one_thread("bench.gradbench")
    try:
        serve(sys.stdin, sys.stdout)
    except ProtocolError as error:
        print(f"bench.gradbench: stopped: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
