"""Mini-batches: rows stay together, none is lost, none comes twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from tapegrad import data


class Examples(NamedTuple):
    """Points and their labels."""

    points: NDArray[np.float64]
    labels: NDArray[np.int64]


def examples(count: int) -> Examples:
    """Point i is (i, -i) and its label i."""
    labels = np.arange(count)
    return Examples(np.stack([labels, -labels], axis=1).astype(float), labels)


@given(count=st.integers(1, 30), size=st.integers(1, 30), seed=st.integers(0, 1000))
def test_a_batch_is_different_rows_that_stay_together(count: int, size: int, seed: int) -> None:
    """Each point has its own label, no label comes twice, the type is kept."""
    size = min(size, count)
    drawn = data.batch(np.random.default_rng(seed), examples(count), size)
    assert type(drawn) is Examples
    assert drawn.points.shape == (size, 2)
    assert drawn.points.tolist() == [[label, -label] for label in drawn.labels.tolist()]
    assert len(set(drawn.labels.tolist())) == size


@given(count=st.integers(1, 30), size=st.integers(1, 30), seed=st.integers(0, 1000))
def test_an_epoch_is_every_row_once(count: int, size: int, seed: int) -> None:
    """All batches together are the data; only the last may be smaller."""
    size = min(size, count)
    parts = list(data.batches(np.random.default_rng(seed), examples(count), size))
    assert sorted(label for part in parts for label in part.labels.tolist()) == list(range(count))
    sizes = [len(part.labels) for part in parts]
    assert sizes[:-1] == [size] * (len(sizes) - 1)
    assert 1 <= sizes[-1] <= size
    for part in parts:
        assert part.points.tolist() == [[label, -label] for label in part.labels.tolist()]


def test_drop_last_leaves_out_the_smaller_batch_only() -> None:
    """Ten by four are two batches, ten by five are two."""
    for size in (4, 5):
        rng = np.random.default_rng(0)
        parts = list(data.batches(rng, np.arange(10), size, drop_last=True))
        assert [len(part) for part in parts] == [size, size]


def test_no_batch_size_means_everything_in_order() -> None:
    """Nothing is drawn from the generator."""
    given_data, rng = examples(7), np.random.default_rng(3)
    for part in (data.batch(rng, given_data), *data.batches(rng, given_data)):
        assert type(part) is Examples
        assert part.points.tolist() == given_data.points.tolist()
        assert part.labels.tolist() == given_data.labels.tolist()
    assert len(list(data.batches(rng, given_data))) == 1
    assert rng.random() == np.random.default_rng(3).random()


@pytest.mark.parametrize("size", [None, 3, 1])
def test_what_is_written_into_a_batch_is_not_in_the_data(size: int | None) -> None:
    """The data is the same in the next epoch."""
    given_data, rng = examples(3), np.random.default_rng(0)
    given_data.points.flags.writeable = False
    for part in (data.batch(rng, given_data, size), *data.batches(rng, given_data, size)):
        part.points[...] = -1.0
        part.labels[...] = -1
    assert given_data.points.tolist() == examples(3).points.tolist()
    assert given_data.labels.tolist() == [0, 1, 2]


def test_a_file_in_memory_gives_plain_arrays(tmp_path: Path) -> None:
    """numpy.memmap: batches are arrays in memory, and nothing goes into the file."""
    held = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=(3,))
    held[:] = [1.0, 2.0, 3.0]
    for size in (None, 3):
        part = data.batch(np.random.default_rng(0), held, size)
        assert type(part) is np.ndarray
        assert sorted(part.tolist()) == [1.0, 2.0, 3.0]
        part[:] = 0.0
    assert held.tolist() == [1.0, 2.0, 3.0]


def test_every_pair_is_equally_likely() -> None:
    """Of 6,000 pairs from 4 rows each of the 6 comes about 1,000 times (29 is one deviation)."""
    rng, rows = np.random.default_rng(11), np.arange(4)
    pairs = Counter(frozenset(data.batch(rng, rows, 2).tolist()) for _ in range(6000))
    assert len(pairs) == 6
    assert all(abs(count - 1000) < 5 * 29 for count in pairs.values())


def test_the_generator_alone_decides() -> None:
    """The same seed gives the same batches, and NumPy's global state is not touched."""
    before = np.random.get_state(legacy=False)["state"]["key"].tolist()
    orders = [
        [part.tolist() for part in data.batches(np.random.default_rng(seed), np.arange(20), 6)]
        for seed in (5, 5, 6)
    ]
    assert orders[0] == orders[1] != orders[2]
    after = np.random.get_state(legacy=False)["state"]["key"].tolist()
    assert before == after


@pytest.mark.parametrize("draw", [data.batch, data.batches])
@pytest.mark.parametrize(
    ("given_data", "size", "kind", "message"),
    [
        (np.arange(5), 0, ValueError, "from 1 to the number of examples, 5, got 0"),
        (np.arange(5), 6, ValueError, "number of examples, 5, got 6; None means all"),
        (np.arange(5), -2, ValueError, "got -2"),
        (np.arange(5), 2.0, TypeError, r"whole number or None, got 2\.0"),
        (np.arange(5), True, TypeError, "whole number or None, got True"),
        (
            (np.zeros((5, 2)), np.zeros(4)),
            2,
            ValueError,
            r"same number of examples, got: data\[0\] has 5, data\[1\] has 4",
        ),
        ((np.zeros(5), 3.0), 2, ValueError, r"data\[1\] should be an array of examples, got float"),
        ((), 2, ValueError, "got: no array"),
        (np.zeros((0, 2)), 1, ValueError, "number of examples, 0, got 1"),
    ],
)
def test_bad_arguments_are_refused_at_once(
    draw: Any, given_data: object, size: Any, kind: type[Exception], message: str
) -> None:
    """`batches` raises when it is called, too, not when its first batch is taken."""
    with pytest.raises(kind, match=message):
        draw(np.random.default_rng(0), given_data, size)


@pytest.mark.parametrize("draw", [data.batch, data.batches])
def test_a_seed_is_not_a_generator(draw: Any) -> None:
    """The error says how to make one of it."""
    with pytest.raises(TypeError, match=r"got 1337; make one with numpy\.random\.default_rng"):
        draw(1337, np.arange(3))
