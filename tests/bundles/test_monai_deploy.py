# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The contract of MONAI Deploy's ``MonaiBundleInferenceOperator``, by a stand-in: it takes loading and saving out of
the transforms, hands over an image in memory, and puts network and inferer between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from .tiny_data import NATIVE
from .workflow import merged, write_random_weights

AFFINE = np.array([[0, -4.0, 0, 60], [-4.0, 0, 0, 70], [0, 0, 5.0, -40], [0, 0, 0, 1]])


def operate(bundle: str, image: torch.Tensor, folder: Path, **overrides: Any) -> Any:
    """What the operator sends on as ``pred``."""
    write_random_weights(bundle, folder / "model.pt")
    parser = merged(bundle, "inference")
    parser.update({"device": "$torch.device('cpu')", "load_pretrain": False, **overrides})
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    inferer = parser.get_parsed_content("inferer")
    before, after = (
        Compose([t for t in parser.get_parsed_content(name).transforms if not type(t).__name__.startswith(prefixes)])
        for name, prefixes in (("preprocessing", ("LoadImage",)), ("postprocessing", ("SaveImage",)))
    )
    with torch.no_grad():
        inputs = before({"image": image})
        outputs = inferer(inputs=inputs["image"][None], network=network)
        found = {name: value[0] for name, value in outputs.items()} if isinstance(outputs, dict) else outputs[0]
        return after({"pred": found, "image": inputs["image"]})["pred"]


def volume(shape: tuple[int, ...], channel: Any) -> MetaTensor:
    """As it comes from a series of DICOM: of one channel, without an axis for it, in a grid that is not RAS."""
    values = torch.zeros(shape)
    inside = tuple(slice(n // 4, n - n // 4) for n in shape[:2])
    values[inside] = 100 + 20 * torch.rand(values[inside].shape, generator=torch.Generator().manual_seed(0))
    return MetaTensor(values, affine=torch.from_numpy(AFFINE), meta={"original_channel_dim": channel})


@pytest.mark.parametrize("channel", ["no_channel", float("nan")])
def test_a_mask_on_the_grid_that_was_handed_over(channel: Any, tmp_path: Path) -> None:
    image = volume((64, 48, 2), channel)
    overrides = {"displayable_configs#threshold": 0.01, "displayable_configs#views": 1}
    pred = operate("descargan", image, tmp_path, **overrides)
    assert pred.shape == (1, 64, 48, 2) and pred.dtype == torch.uint8 and 0 < pred.sum() < pred.numel()
    np.testing.assert_allclose(pred.affine, AFFINE)


def test_several_channels(tmp_path: Path) -> None:
    image = torch.stack([volume((16, 16, 4), 0).as_tensor()] * 4, dim=-1)
    image = MetaTensor(image, affine=torch.from_numpy(AFFINE), meta={"original_channel_dim": -1})
    steps = {"displayable_configs#steps": 2, "displayable_configs#threshold": 0.5, "displayable_configs#num_samples": 2}
    pred = operate("diffseg", image, tmp_path, **NATIVE, **steps)
    assert pred.shape == (1, 16, 16, 4) and pred.dtype == torch.uint8


def test_probabilities_of_the_classes(tmp_path: Path) -> None:
    pred = operate("l2i_classification", volume((36, 36, 33), "no_channel"), tmp_path)
    assert pred.shape == (2,) and float(pred.sum()) == pytest.approx(1, abs=1e-5)
