# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
from monai.bundle import ConfigParser

from ..utils import provenance

__all__ = ["speed"]


def speed(
    config: str | Sequence[str] = (
        "bundles/diffanomaly/configs/train.json",
        "bundles/diffanomaly/configs/thesis.json",
    ),
    batch_size: int = 1,
    steps: int = 3,
    **overrides: Any,
) -> str:
    """Time and peak memory of a training step and of one guided decoding step, on random images of a configuration's
    size.

    Args:
        config: the configuration(s); the default is the thesis' size.
        batch_size: images in a batch.
        steps: repetitions; the median is reported, after one that is not counted.
        **overrides: of the configuration, e.g. ``network_def#activation_checkpointing`` or ``autocast``.

    Returns:
        JSON with seconds and GiB; memory is the process' peak on a CPU, the allocator's on a GPU.
    """
    parser = ConfigParser()
    parser.read_config(config)
    parser.update(overrides)
    device = torch.device(parser.get_parsed_content("device"))
    network = parser.get_parsed_content("network")
    optimizer, loss = parser.get_parsed_content("optimizer"), parser.get_parsed_content("loss")
    prepare, inferer = parser.get_parsed_content("train#prepare_batch"), parser.get_parsed_content("train#inferer")
    size = parser.get_parsed_content("spatial_size")
    channels = len(parser.get_parsed_content("channel_names"))
    image = torch.rand(batch_size, channels, *size, generator=torch.Generator().manual_seed(0))
    batch = {"image": image, "label": torch.zeros(batch_size, dtype=torch.long)}

    def train() -> None:
        inputs, targets, arguments, keywords = prepare(batch, device)
        optimizer.zero_grad()
        loss(inferer(inputs, network, *arguments, **keywords), targets).backward()
        optimizer.step()

    translation = parser.get_parsed_content("translation")
    x = image.to(device)

    def evaluate() -> None:
        with torch.no_grad():
            level = 250
            eps = translation.denoiser(network, x, 1)(x, level).eps
            eps + translation.guidance(network, x, 1.0)(x, level)

    result: dict[str, Any] = {"parameters": sum(p.numel() for p in network.parameters()), "batch_size": batch_size}
    result["guided_step"] = _measure(evaluate, steps, device)
    result["training_step"] = _measure(train, steps, device)
    result.update(
        image=[channels, *size], device=str(device), threads=torch.get_num_threads(), **provenance(str(config))
    )
    return json.dumps(result, indent=1)


def _measure(step: Any, steps: int, device: torch.device) -> dict[str, float]:
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        step()
        if cuda:
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    # Linux counts the resident set in KiB
    peak = (
        torch.cuda.max_memory_allocated(device) if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return {"seconds": round(statistics.median(times[1:]), 4), "peak_gib": round(peak / 2**30, 3)}
