"""A tape as something to look at."""

from ._table import table as table
