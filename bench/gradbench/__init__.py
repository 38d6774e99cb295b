"""tapegrad as a tool of GradBench (github.com/gradbench/gradbench): `python -m bench.gradbench`.

One file per module of the benchmark; each is written from the specification of the evaluation of
that name. `_tool.py` speaks the protocol.
"""
