# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to one tensor of a good checkpoint: it is refused in words, or the weights come out as they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch

from monai_anomaly.networks.convert import convert_encoder, convert_unet
from monai_anomaly.utils import DataError

from . import guided_diffusion_names as names

Weights = dict[str, torch.Tensor]
LEVELS: dict[str, Any] = {"channels": (32, 64), "depth": 1, "attention": (False, True)}
NETWORKS: dict[str, tuple[names.Shapes, Callable[[Weights], tuple[dict, Weights]]]] = {
    "unet": (names.unet(1, 2, **LEVELS), lambda state: convert_unet(state, num_heads=2)),
    "encoder": (names.encoder(1, 2, **LEVELS), lambda state: convert_encoder(state, num_head_channels=32)),
}
IN_PLACE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "transposed": lambda v: v.transpose(0, -1) if v.ndim > 1 else v,
    "scalar": torch.sum,
    "flat": torch.flatten,
    "empty": lambda v: v[:0],
    "no columns": lambda v: v[..., :0],
    "half of the rows": lambda v: v[: len(v) // 2],
    "twice": lambda v: torch.cat([v, v]),
    "an axis more": lambda v: v[..., None],
    "an axis before": lambda v: v[None],
    "NaN": lambda v: torch.full_like(v, float("nan")),
    "one infinity": lambda v: v.index_fill(0, torch.tensor([0]), float("inf")),
    "too large": lambda v: v.double() * 1e300,
    "whole numbers": lambda v: (v * 100).long(),
    "complex": lambda v: v.to(torch.complex64),
    "sparse": lambda v: v.to_sparse(),
    "float64": torch.Tensor.double,
    "parameter": torch.nn.Parameter,
    "other strides": lambda v: v.transpose(0, -1).contiguous().transpose(0, -1),
}
NAMES: dict[str, Callable[[str], str]] = {
    "lost": lambda k: "",
    "letters for a number": lambda k: k.replace("blocks.", "blocks.x"),
    "another number": lambda k: k.replace("blocks.", "blocks.9"),
    "cut": lambda k: k.rsplit(".", 1)[0],
    "only the group": lambda k: k.split(".")[0] + ".",
    "prefix": lambda k: "module." + k,
}
ANY_SIZE = {"label_emb.weight"}
"""Lost, halved or twice as long it belongs to a network with other labels."""


def one_of_each(tensors: Iterable[str]) -> list[str]:
    """One tensor for each layer of a block, of whatever block: the first of input_blocks where it is there."""
    layer = {re.sub(r"^(input|middle|output)_blocks?\.\d+", "", name): name for name in sorted(tensors, reverse=True)}
    return list(layer.values())


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("damage", [*IN_PLACE, *NAMES])
def test_one_damaged_tensor_is_refused_or_of_no_effect(network: str, damage: str) -> None:
    shapes, convert = NETWORKS[network]
    state = names.fill(shapes)
    kwargs, good = convert(state)
    refused = 0
    for victim in one_of_each(state.keys() - ANY_SIZE):
        if damage in IN_PLACE:
            damaged = state | {victim: IN_PLACE[damage](state[victim])}
        else:
            name = NAMES[damage](victim)
            damaged = {(name if k == victim else k): v for k, v in state.items() if name or k != victim}
        try:
            found_kwargs, found = convert(damaged)
        except DataError:
            refused += 1
        else:
            square = damage == "transposed" and state[victim].shape == state[victim].transpose(0, -1).shape
            assert square or (
                found_kwargs == kwargs
                and found.keys() == good.keys()
                and all(torch.equal(found[k], v) and found[k].dtype == torch.float32 for k, v in good.items())
            ), victim
    assert refused or damage in ("float64", "parameter", "other strides")


@pytest.mark.parametrize("name", ["extra", "input_blocks.", "output_blocks.x.in_layers.0", "input_blocks.99.0.weight"])
def test_one_tensor_more_is_refused(name: str) -> None:
    shapes, convert = NETWORKS["unet"]
    with pytest.raises(DataError):
        convert(names.fill(shapes) | {name: torch.ones(1)})
