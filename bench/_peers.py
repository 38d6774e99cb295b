"""The libraries tapegrad is compared with: found, set to one thread and to float64."""

import atexit
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_ONE_THREAD = {
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
            "NUMBA_NUM_THREADS",
            "NPROC",  # the size of XLA's own thread pool
        ),
        "1",
    ),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
}
_MARK = "TAPEGRAD_BENCH_ONE_THREAD"


class MissingError(Exception):
    """A peer, or what it needs, is not on this machine; the text is the reason."""


def library(name: str) -> Any:
    """Import a peer's module by name, so that its absence is a reported fact and not a crash.

    Peers are typed as `Any` on purpose: the type checker's verdict must not depend on which
    of them happen to be installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingError(str(error)) from error


def torch() -> Any:
    """PyTorch on one thread, float64 by default.

    What it compiles goes to a folder of this process, so that no earlier run, nor the process that
    measures memory, spares the first call its compiling.
    """
    if "torch" not in sys.modules:
        cache = tempfile.mkdtemp(prefix="tapegrad-bench-torch-")
        atexit.register(shutil.rmtree, cache, ignore_errors=True)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
    module = library("torch")
    module.set_num_threads(1)
    module.set_default_dtype(module.float64)
    return module


def mygrad() -> Any:
    """MyGrad with its memory guarding off.

    The guard forbids writing to arrays that a graph still needs. It costs much where tensors are
    small, and tapegrad has none.
    """
    module = library("mygrad")
    module.turn_memory_guarding_off()
    return module


def jax() -> Any:
    """JAX on the CPU with float64 enabled."""
    module = library("jax")
    module.config.update("jax_enable_x64", True)
    return module


def compile_c(source: Path) -> Path:
    """Build a shared library from one C file with the system's compiler; raises MissingError."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MissingError("no C compiler: neither $CC nor cc nor gcc was found")
    target = Path(tempfile.mkdtemp(prefix="tapegrad-bench-")) / "kernel.so"
    flags = ["-O3", "-march=native", "-shared", "-fPIC", "-o", str(target), str(source), "-lm"]
    command = [compiler, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise MissingError(f"{compiler} failed: {done.stderr.strip()[:200]}")
    return target


def one_thread(module: str) -> None:
    """Restart `python -m module` with every thread pool set to one thread, unless it is already.

    BLAS and XLA read these variables while they are imported, so they have to be there before
    the interpreter starts. The process is also held on one processor core where the system
    lets us: no peer can then gain from a helper thread that ignores its setting.
    """
    if _MARK not in os.environ:
        environment = {**os.environ, **_ONE_THREAD, _MARK: "1"}
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        sys.stdout.flush()
        os.execve(sys.executable, command, environment)  # noqa: S606  (this very program)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
