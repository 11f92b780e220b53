# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The same weights and seed give the same result on CPU and GPU; in bfloat16 nearly the same."""

from __future__ import annotations

import pytest
import torch

from ..bundles.workflow import merged

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize(("bundle", "inferer"), [("diffseg", "ensemble"), ("diffanomaly", "translation")])
def test_cpu_and_cuda_agree(bundle: str, inferer: str) -> None:
    torch.manual_seed(0)
    image = torch.rand(4, 4, 56, 64) * 2 - 1
    network = merged(bundle, "train").get_parsed_content("network_def").eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))  # an untrained last layer gives an empty result
    results = {}
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for name, device, autocast in (
            ("cpu", "cpu", None),
            ("cuda", "cuda", None),
            ("bfloat16", "cuda", "bfloat16"),
        ):
            parser = merged(bundle, "train")
            parser[inferer]["autocast"] = autocast
            if bundle == "diffseg":
                parser[inferer]["binarize"] = False  # a threshold would magnify rounding
            made = parser.get_parsed_content(inferer)
            results[name] = made(image.to(device), network.to(device)).float().cpu()
    assert (results["cpu"] - results["cuda"]).abs().max() < 1e-3
    assert (results["cpu"] - results["bfloat16"]).abs().mean() < 0.1
