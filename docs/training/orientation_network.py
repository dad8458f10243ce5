"""Trains the orientation network of indexer/faces and writes it as ONNX.

1. Cut-outs (orientation_cut_outs.py) are turned, moved and scaled at random, and spoilt as pictures
   on the web are: blurred, darkened, covered, made small, compressed.
2. The network learns for each: is it a face, how is it rolled (24 directions), where exactly.
3. People held out are measured, clean and spoilt; figures go to standard output.
4. The weights are written as an ONNX file of plain convolutions.

It needs more than the project: `pip install jax optax` in an environment of its own, and onnx and
OpenCV as the project has them. A quarter of an hour on one core. The seed is fixed.
`python docs/training/orientation_network.py --cut-outs cut-outs.npz --out orientation.onnx`
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import onnx
import optax
from onnx import TensorProto, helper, numpy_helper

SIDE_PX = 48
SHARE = 1.5
CUT_OUT_PX, CUT_OUT_SHARE = 96, 2.4
BINS = 24
BIN_SPREAD_DEGREES = 9.0
BATCH = 128
SEED = 20

LAYERS = ((5, 2, 1, 16), (3, 2, 16, 32), (3, 2, 32, 64), (3, 1, 64, 64))
"""Kernel, stride, channels in and out; each followed by ReLU."""
HIDDEN = 48

Arrays = np.ndarray
Weights = dict[str, Any]


# --- what the network sees --------------------------------------------------------------------


def spoilt(
    picture: Arrays, roll: float, off: Arrays, chance: np.random.Generator, how_much: float
) -> tuple[Arrays, float, Arrays]:
    """One cut-out as training shows it: (48, 48) float32 normalised, its roll, and where it is."""
    if chance.random() < 0.5:
        picture, roll, off = picture[:, ::-1], -roll, off * np.array([-1, 1, 1], np.float32)
    degrees = float(chance.uniform(0, 360))
    zoom = float(np.exp(chance.normal(0, 0.1)))
    scale = SIDE_PX / SHARE / (CUT_OUT_PX / CUT_OUT_SHARE)
    turn = cv2.getRotationMatrix2D((CUT_OUT_PX / 2, CUT_OUT_PX / 2), degrees, zoom * scale)
    shift = chance.normal(0, 0.05, 2)
    turn[:, 2] += SIDE_PX / 2 - CUT_OUT_PX / 2 + shift * SIDE_PX / SHARE
    seen = cv2.warpAffine(picture, turn, (SIDE_PX, SIDE_PX))
    moved = (turn[:, :2] / scale) @ off[:2] + shift
    where = np.array([*moved, off[2] + np.log(zoom)], np.float32)
    roll = roll - degrees if np.isfinite(roll) else roll
    if chance.random() < how_much:
        seen = _covered(seen, roll if np.isfinite(roll) else degrees, chance)
        seen = _degraded(seen, chance)
    return normalised(seen), roll, where


def normalised(seen: Arrays) -> Arrays:
    """Mean 0 and spread 1, whatever the light."""
    values = seen.astype(np.float32)
    return (values - values.mean()) / max(float(values.std()), 4.0)


def _covered(seen: Arrays, roll: float, chance: np.random.Generator) -> Arrays:
    kind = chance.random()
    fill = int(chance.integers(256))
    face = SIDE_PX / SHARE
    if kind < 0.12:
        # A bar over the eyes, or something over the lower face, turned as the face is.
        over_eyes = chance.random() < 0.5
        down = (-0.12 if over_eyes else 0.32) * face
        angle = np.radians(roll)
        middle = (SIDE_PX / 2 - np.sin(angle) * down, SIDE_PX / 2 + np.cos(angle) * down)
        size = (face * chance.uniform(0.7, 1.1), face * chance.uniform(0.14, 0.4))
        corners = cv2.boxPoints((middle, size, float(roll)))
        cv2.fillConvexPoly(seen, corners.astype(np.int32), fill)
    elif kind < 0.24:
        size = chance.uniform(0.15, 0.5, 2) * face
        middle = SIDE_PX / 2 + chance.uniform(-0.45, 0.45, 2) * face
        corners = cv2.boxPoints((tuple(middle), tuple(size), float(chance.uniform(0, 90))))
        cv2.fillConvexPoly(seen, corners.astype(np.int32), fill)
    elif kind < 0.4:
        # Surroundings that say nothing of how the picture was turned.
        mask = np.zeros(seen.shape, np.uint8)
        axes = tuple(int(each) for each in SIDE_PX * chance.uniform(0.38, 0.6, 2))
        cv2.ellipse(mask, (SIDE_PX // 2, SIDE_PX // 2), axes, float(roll), 0, 360, 255, -1)
        around = chance.normal(fill, chance.uniform(0, 60), seen.shape)
        seen = np.where(mask > 0, seen, np.clip(around, 0, 255).astype(np.uint8))
    return seen


def _degraded(seen: Arrays, chance: np.random.Generator) -> Arrays:
    if chance.random() < 0.25:
        small = int(chance.integers(14, 40))
        tiny = cv2.resize(seen, (small, small), interpolation=cv2.INTER_AREA)
        seen = cv2.resize(tiny, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    if chance.random() < 0.2:
        seen = cv2.GaussianBlur(seen, (0, 0), float(chance.uniform(0.4, 2.2)))
    elif chance.random() < 0.12:
        length = int(chance.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        about = ((length - 1) / 2, (length - 1) / 2)
        kernel = cv2.warpAffine(
            kernel, cv2.getRotationMatrix2D(about, float(chance.uniform(0, 180)), 1),
            (length, length),
        )  # fmt: skip
        seen = cv2.filter2D(seen, -1, kernel / max(float(kernel.sum()), 1e-3))
    values = seen.astype(np.float32)
    if chance.random() < 0.5:
        values = 255 * (values / 255) ** float(np.exp(chance.normal(0, 0.5)))
    if chance.random() < 0.5:
        middle = float(values.mean())
        values = middle + (values - middle) * float(chance.uniform(0.3, 1.6))
    if chance.random() < 0.2:
        values = values * float(chance.uniform(0.06, 0.5))
    if chance.random() < 0.4:
        values = values + chance.normal(0, float(chance.uniform(1, 14)), values.shape)
    if chance.random() < 0.15:
        along = np.linspace(0, 1, SIDE_PX, dtype=np.float32)
        shade = 1 - float(chance.uniform(0.3, 0.9)) * (
            along if chance.random() < 0.5 else 1 - along
        )
        values = values * (shade[None, :] if chance.random() < 0.5 else shade[:, None])
    seen = np.clip(values, 0, 255).astype(np.uint8)
    if chance.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(chance.integers(12, 85))]
        seen = cv2.imdecode(cv2.imencode(".jpg", seen, quality)[1], cv2.IMREAD_GRAYSCALE)
    if chance.random() < 0.03:
        seen = 255 - seen
    return seen


# --- the network ------------------------------------------------------------------------------


def fresh(key: jax.Array) -> Weights:
    """Weights before training (He's initialisation)."""
    weights: Weights = {}
    for at, (kernel, _, inside, outside) in enumerate(LAYERS):
        key, part = jax.random.split(key)
        spread = np.sqrt(2 / (kernel * kernel * inside))
        weights[f"w{at}"] = spread * jax.random.normal(part, (outside, inside, kernel, kernel))
        weights[f"b{at}"] = jnp.zeros(outside)
    cells = LAYERS[-1][3] * 9
    for name, shape in (("hidden", (HIDDEN, cells)), ("out", (4 + BINS, HIDDEN))):
        key, part = jax.random.split(key)
        weights[f"w_{name}"] = np.sqrt(2 / shape[1]) * jax.random.normal(part, shape)
        weights[f"b_{name}"] = jnp.zeros(shape[0])
    return weights


def forward(weights: Weights, pictures: jax.Array) -> jax.Array:
    """(n, 1, 48, 48) -> (n, 4 + BINS): is a face, right, down, log of size; directions."""
    values = pictures
    for at, (kernel, stride, _, _) in enumerate(LAYERS):
        edge = kernel // 2
        values = jax.lax.conv_general_dilated(
            values, weights[f"w{at}"], (stride, stride), [(edge, edge), (edge, edge)]
        )
        values = jax.nn.relu(values + weights[f"b{at}"][None, :, None, None])
    n, channels, height, width = values.shape
    pooled = values.reshape(n, channels, height // 2, 2, width // 2, 2).mean(axis=(3, 5))
    hidden = jax.nn.relu(pooled.reshape(n, -1) @ weights["w_hidden"].T + weights["b_hidden"])
    return hidden @ weights["w_out"].T + weights["b_out"]


def loss(weights: Weights, pictures: Arrays, is_face: Arrays, bins: Arrays, off: Arrays) -> Any:
    """Cross entropies of face and direction; how far off the place is."""
    out = forward(weights, pictures)
    of_face = optax.sigmoid_binary_cross_entropy(out[:, 0], is_face).mean()
    of_place = (optax.huber_loss(out[:, 1:4], off, delta=0.1).sum(axis=1) * is_face).mean()
    of_roll = (optax.softmax_cross_entropy(out[:, 4:], bins) * is_face).mean()
    return of_face + 10 * of_place + of_roll


def in_bins(roll_degrees: Arrays) -> Arrays:
    """(n,) -> (n, BINS): how much each direction is meant."""
    middles = np.arange(BINS) * 360 / BINS
    apart = (np.nan_to_num(roll_degrees)[:, None] - middles + 180) % 360 - 180
    weights = np.exp(-0.5 * (apart / BIN_SPREAD_DEGREES) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def rolls(out: Arrays) -> tuple[Arrays, Arrays]:
    """(n, 4 + BINS) -> roll in degrees and how sure it is: the share of the best three bins."""
    raw = out[:, 4:] - out[:, 4:].max(axis=1, keepdims=True)
    shares = np.exp(raw)
    shares /= shares.sum(axis=1, keepdims=True)
    best = shares.argmax(axis=1)
    around = (best[:, None] + np.arange(-1, 2)) % BINS
    of_three = np.take_along_axis(shares, around, axis=1)
    middle = (of_three * np.arange(-1, 2)).sum(axis=1) / of_three.sum(axis=1)
    return (best + middle) * 360 / BINS % 360, of_three.sum(axis=1)


# --- training ---------------------------------------------------------------------------------


def batch_of(data: Any, which: Arrays, chance: np.random.Generator, how_much: float) -> Any:
    """Pictures, whether faces, rolls, and where."""
    made = [
        spoilt(data["pictures"][at], float(data["roll"][at]), data["off"][at], chance, how_much)
        for at in which
    ]
    pictures = np.stack([each[0] for each in made])[:, None]
    roll = np.array([each[1] for each in made], np.float32)
    return pictures, np.isfinite(roll).astype(np.float32), roll, np.stack([e[2] for e in made])


def train(data: Any, steps: int, out: Path) -> Weights:
    """Weights after so many batches, half of each faces; written now and then on the way."""
    chance = np.random.default_rng(SEED)
    weights = fresh(jax.random.PRNGKey(SEED))
    rate = optax.warmup_cosine_decay_schedule(1e-4, 2e-3, 200, steps, 1e-5)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=1e-3))
    state = optimiser.init(weights)

    @jax.jit
    def step(weights: Weights, state: Any, *batch: Arrays) -> Any:
        value, slope = jax.value_and_grad(loss)(weights, *batch)
        update, state = optimiser.update(slope, state, weights)
        return optax.apply_updates(weights, update), state, value

    kept = ~data["held_out"]
    faces = np.flatnonzero(kept & np.isfinite(data["roll"]))
    others = np.flatnonzero(kept & ~np.isfinite(data["roll"]))
    began, mean = time.monotonic(), 0.0
    for at in range(steps):
        which = np.concatenate(
            [chance.choice(faces, BATCH // 2), chance.choice(others, BATCH // 2)]
        )
        pictures, is_face, roll, off = batch_of(data, which, chance, 0.75)
        weights, state, value = step(weights, state, pictures, is_face, in_bins(roll), off)
        mean += 0.01 * (float(value) - mean) if at else float(value)
        if at % 200 == 0:
            print(f"step {at} loss {mean:.4f} after {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
            out.write_bytes(as_onnx(weights).SerializeToString())
    return weights


def measure(data: Any, weights: Weights, how_much: float, name: str) -> None:
    """How wrong it is about people whom it never saw."""
    chance = np.random.default_rng(SEED + 1)
    which = np.flatnonzero(data["held_out"])
    outs, truths, faces = [], [], []
    run = jax.jit(forward)
    for at in range(0, len(which) - BATCH + 1, BATCH):
        pictures, is_face, roll, _ = batch_of(data, which[at : at + BATCH], chance, how_much)
        outs.append(np.asarray(run(weights, pictures)))
        truths.append(roll)
        faces.append(is_face > 0)
    out, truth, face = np.concatenate(outs), np.concatenate(truths), np.concatenate(faces)
    roll, sure = rolls(out)
    wrong = np.abs((roll - truth + 180) % 360 - 180)[face]
    scores = out[:, 0]
    at_01 = np.quantile(scores[~face], 0.99)
    print(  # noqa: T201
        f"{name}: {face.sum()} faces, {(~face).sum()} others; faces above 99 % of the others "
        f"{(scores[face] > at_01).mean():.4f}; logit 0 passes {(scores[face] > 0).mean():.4f} and "
        f"{(scores[~face] > 0).mean():.4f}; roll off by median {np.median(wrong):.1f}, 90 % "
        f"{np.quantile(wrong, 0.9):.1f}, beyond 20 degrees {(wrong > 20).mean():.4f}, beyond 90 "
        f"{(wrong > 90).mean():.4f}; of the surer 90 % beyond 20 degrees "
        f"{(wrong[sure[face] > np.quantile(sure[face], 0.1)] > 20).mean():.4f}"
    )


# --- the file ---------------------------------------------------------------------------------


def as_onnx(weights: Weights) -> onnx.ModelProto:
    """Plain convolutions, a pooling, two full layers; any number of cut-outs."""
    nodes, stored, last = [], [], "cut_outs"

    def keep(name: str, values: Any) -> str:
        stored.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    for at, (kernel, stride, _, _) in enumerate(LAYERS):
        edge = kernel // 2
        nodes += [
            helper.make_node(
                "Conv",
                [last, keep(f"w{at}", weights[f"w{at}"]), keep(f"b{at}", weights[f"b{at}"])],
                [f"conv{at}"], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[edge] * 4,
            ),
            helper.make_node("Relu", [f"conv{at}"], [f"relu{at}"]),
        ]  # fmt: skip
        last = f"relu{at}"
    nodes += [
        helper.make_node("AveragePool", [last], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
    ]
    for name, source, target in (("hidden", "flat", "hidden"), ("out", "active", "answers")):
        names = [source, keep(f"w_{name}", weights[f"w_{name}"])]
        names.append(keep(f"b_{name}", weights[f"b_{name}"]))
        nodes.append(helper.make_node("Gemm", names, [target], transB=1))
        if name == "hidden":
            nodes.append(helper.make_node("Relu", ["hidden"], ["active"]))
    graph = helper.make_graph(
        nodes,
        "orientation",
        [helper.make_tensor_value_info("cut_outs", TensorProto.FLOAT, ["n", 1, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info("answers", TensorProto.FLOAT, ["n", 4 + BINS])],
        stored,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9,
        producer_name="likeness",
    )  # fmt: skip
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Train, measure, write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cut-outs", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--steps", type=int, default=8000)
    asked = options.parse_args()
    cv2.setNumThreads(1)
    read = np.load(asked.cut_outs)
    data = {
        "pictures": read["pictures"],
        "roll": read["roll_degrees"],
        "off": read["off"],
        "held_out": read["held_out"],
    }
    weights = train(data, asked.steps, asked.out)
    measure(data, weights, 0.0, "clean")
    measure(data, weights, 1.0, "spoilt")
    model = as_onnx(weights)
    asked.out.write_bytes(model.SerializeToString())
    count = sum(int(np.prod(each.shape)) for each in weights.values())
    print(f"{count} weights, {asked.out.stat().st_size} bytes")  # noqa: T201


if __name__ == "__main__":
    main()
