"""Checks of derivatives, for the tests of those who write their own."""

from ._check import check_grads as check_grads
