"""Programs at random for a given time: python -m tests.programs --minutes 10."""

from __future__ import annotations

import argparse
import hashlib
import time
import traceback
from pathlib import Path

from ._checks import CHECKS
from ._hunt import Hunt, sign
from ._show import shown


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="out/fuzz")
    parser.add_argument("--jax", action="store_true")
    parser.add_argument("--numbers", action="store_true")
    parser.add_argument("--size", type=int, default=8)
    options = parser.parse_args()
    checks = dict(CHECKS)
    if options.jax:
        from ._jax import against_jax

        checks["jax"] = against_jax
    hunt = Hunt(checks, options.size, options.numbers)
    begun = said = time.monotonic()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    number = options.seed * 100_000
    while time.monotonic() - begun < 60 * options.minutes:
        number += 1
        try:
            failure = hunt.round(number)
        except Exception:
            hunt.stats["crash"] += 1
            print("CRASH", number)
            print(traceback.format_exc()[-1500:])
            continue
        if failure is not None:
            hunt.known.add(sign(failure))
            text = shown(failure)
            name = f"{failure.check.replace(' ', '-')}-{hashlib.sha1(repr(sorted(sign(failure)[1])).encode()).hexdigest()[:6]}"
            (out / f"{name}.py").write_text(text)
            print("=" * 100, f"\n{text}", flush=True)
        if time.monotonic() - said > 120:
            said = time.monotonic()
            print(f"-- {(said - begun) / 60:.0f} min: {hunt.stats.most_common(60)}", flush=True)
    print(hunt.stats.most_common(200))
    return bool(hunt.known)


if __name__ == "__main__":
    raise SystemExit(main())
