"""Answer GradBench's messages: one JSON object per line on stdin, one on stdout."""

import sys

from .._peers import one_thread
from ._tool import serve

if __name__ == "__main__":
    one_thread("bench.gradbench")
    serve(sys.stdin, sys.stdout)
