"""The workloads, one file each: the work stated once, then each peer's version of it."""

from . import chain, digits, hessian, import_time, moons, moons_scalar, rnn, rosenbrock

ALL = (
    moons.WORKLOAD,
    moons_scalar.WORKLOAD,
    digits.WORKLOAD,
    rosenbrock.WORKLOAD,
    chain.WORKLOAD,
    rnn.WORKLOAD,
    hessian.WORKLOAD,
    import_time.WORKLOAD,
)
