"""Settings that hold for every test."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes depends on who else uses the machine: that is not what is tested.
settings.register_profile("tapegrad", deadline=None)
settings.load_profile("tapegrad")
