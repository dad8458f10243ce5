"""Networks compiled for shapes that come often: which, how many, and with the same answers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from indexer.faces.orientation import WEIGHTS
from indexer.faces.session import open_session
from indexer.faces.shapes import MOST_SHAPES, USES_BEFORE, Shape, ShapedModels


def test_a_shape_is_compiled_for_once_it_came_often() -> None:
    asked: list[Shape] = []
    models = ShapedModels(lambda shape: asked.append(shape) or shape)
    for _ in range(USES_BEFORE - 1):
        assert models.of((1, 2)) is None
        assert models.of((1, 3)) is None
    assert asked == []
    assert models.of((1, 2)) == (1, 2)
    assert models.of((1, 2)) == (1, 2)
    assert asked == [(1, 2)]


def test_no_more_shapes_are_kept_than_there_is_memory_for() -> None:
    asked: list[Shape] = []
    models = ShapedModels(lambda shape: asked.append(shape) or shape)
    for shape in range(1, MOST_SHAPES + 5):
        for _ in range(USES_BEFORE):
            models.of((shape,))
    assert len(asked) == MOST_SHAPES
    assert models.of((MOST_SHAPES + 4,)) is None
    assert models.of((1,)) == (1,)


def test_nobody_waits_while_a_thread_compiles() -> None:
    started, go_on = threading.Event(), threading.Event()

    def compile_for(shape: Shape) -> Shape:
        started.set()
        assert go_on.wait(20)
        return shape

    models = ShapedModels(compile_for)
    for _ in range(USES_BEFORE - 1):
        models.of((7,))
    compiling = threading.Thread(target=models.of, args=((7,),))
    compiling.start()
    assert started.wait(20)
    assert models.of((7,)) is None
    go_on.set()
    compiling.join(20)
    assert models.of((7,)) == (7,)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_answers_are_the_same_before_and_after(runtime: str) -> None:
    one = open_session(WEIGHTS, runtime, 1, of_many_shapes=True)
    other = one.another()
    pictures = np.random.default_rng(2).normal(0, 1, (2, 1, 48, 48)).astype(np.float32)
    (before,) = one.run(pictures)
    for _ in range(USES_BEFORE + 1):
        (after,) = one.run(pictures)
    assert np.allclose(before, after, atol=1e-4)
    assert np.allclose(before, other.run(pictures)[0], atol=1e-4)
    assert np.allclose(before[:1], one.run(pictures[:1])[0], atol=1e-4)
