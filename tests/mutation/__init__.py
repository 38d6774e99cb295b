"""Mutants: the package with one thing wrong, each of which some test should notice (`make mutate`).

cosmic-ray says what may be changed, and changes it (`_mutants`). The tests run in copies of the
tree, never in the tree itself (`_trials`). One run without a mutant notes which tests run which
lines (`_plugin`); a mutant then meets those that run its line, the fastest first, and a minute of
the others if its line also runs when the package is imported: else they cannot tell it from the
code.
"""
