# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from monai.bundle import ConfigParser

from ..engines import CriticTrainer
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
    """Time and peak memory of a training step, and of one guided decoding step (``diffanomaly``), one denoising step of
    masks (``diffseg``) or one translation (``descargan``), on random images of a configuration's size.

    Args:
        config: the configuration(s); the default is the thesis' size.
        batch_size: images in a batch.
        steps: repetitions; the median is reported, after one that is not counted.
        **overrides: of the configuration, e.g. ``network_def#activation_checkpointing`` or ``autocast``.

    Returns:
        JSON with seconds and GiB; memory is the process' peak on a CPU, the allocator's on a GPU. What a comparator of
        ``diffseg`` has in place of a denoising step is called ``sample``: the one pass of a sample. A training step of
        a GAN is one of the discriminator and the share of the generator's, one in ``n_critic``; it needs a batch of two
        and more. A method of ``descargan`` that only classifies has ``classification`` in place of ``translation``.

    Raises:
        ValueError: when a GAN is given a batch of one image, which has no gradient penalty.
    """
    parser = ConfigParser()
    parser.read_config(config)
    parser.update(overrides)
    device = torch.device(parser.get_parsed_content("device"))
    network = parser.get_parsed_content("network")
    batch = _random_batch(parser, batch_size)
    adversarial = parser.get_parsed_content("critic_optimizer", default=None) is not None
    if adversarial and batch_size < 2:
        raise ValueError(
            f"a training step of a GAN needs images of both classes: batch_size 2 or more, got {batch_size}"
        )
    evaluated, evaluate = _evaluation(parser, network, batch["image"].to(device))
    result: dict[str, Any] = {"parameters": sum(p.numel() for p in network.parameters()), "batch_size": batch_size}
    network.eval()
    result[evaluated] = _measure(evaluate, steps, device)
    network.train()
    if adversarial:
        train, count = _adversarial_training(parser, network, batch, device)
    else:
        train, count = _training(parser, network, batch, device), 1
    result["training_step"] = _measure(train, steps, device, count)
    result.update(
        image=list(batch["image"].shape[1:]),
        device=str(device),
        threads=torch.get_num_threads(),
        **provenance(str(config)),
    )
    return json.dumps(result, indent=1)


def _random_batch(parser: ConfigParser, batch_size: int) -> dict[str, torch.Tensor]:
    """Images, and the masks or the labels that are learned."""
    size, channels = parser.get_parsed_content("spatial_size"), len(parser.get_parsed_content("channel_names"))
    generator = torch.Generator().manual_seed(0)
    batch = {"image": torch.rand(batch_size, channels, *size, generator=generator)}
    if "num_regions" in parser:
        regions = parser.get_parsed_content("num_regions")
        batch["mask"] = torch.randint(2, (batch_size, regions, *size), generator=generator).float()
    else:
        batch["label"] = torch.arange(batch_size) % 2
    return batch


def _training(
    parser: ConfigParser, network: Any, batch: Mapping[str, torch.Tensor], device: torch.device
) -> Callable[[], None]:
    """One training step, as the configuration's trainer does it."""
    optimizer, loss = parser.get_parsed_content("optimizer"), parser.get_parsed_content("loss")
    place = "train#prepare_batch" if "train#prepare_batch" in parser else "train#trainer#prepare_batch"
    prepare, inferer = parser.get_parsed_content(place), parser.get_parsed_content("train#inferer")

    def train() -> None:
        inputs, targets, *more = prepare(batch, device)
        arguments, keywords = more or ((), {})
        optimizer.zero_grad()
        loss(inferer(inputs, network, *arguments, **keywords), targets).backward()
        optimizer.step()

    return train


def _adversarial_training(
    parser: ConfigParser, network: Any, batch: Mapping[str, torch.Tensor], device: torch.device
) -> tuple[Callable[[], Any], int]:
    """As many iterations as the generator needs for one update, and how many these are."""
    names = ("optimizer", "critic_optimizer", "loss", "critic_loss")
    settings = {name: parser.get_parsed_content(name) for name in ("n_critic", "max_grad_norm", "amp", "autocast")}
    parts = [parser.get_parsed_content(name) for name in names]
    count = settings["n_critic"]
    return CriticTrainer(device, 1, [batch] * count, network, *parts, **settings).run, count


def _evaluation(parser: ConfigParser, network: Any, x: torch.Tensor) -> tuple[str, Callable[[], Any]]:
    """What a result takes many of, and what it is called."""
    inferer = parser.get_parsed_content("inferer")
    if "num_regions" in parser:
        if hasattr(inferer, "one_step"):
            return "denoising_step", lambda: inferer.one_step(x, network)
        return "sample", torch.no_grad()(lambda: inferer.draw(inferer.pad(x), network, range(1)))
    if "translates" in parser:
        name = "translation" if parser.get_parsed_content("translates") else "classification"
        return name, torch.no_grad()(lambda: inferer(x, network))
    return "guided_step", lambda: inferer.one_step(x, network)


def _measure(step: Any, steps: int, device: torch.device, count: int = 1) -> dict[str, float]:
    """Median of the time of ``step`` over its ``count``, and the peak of memory."""
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
    return {"seconds": round(statistics.median(times[1:]) / count, 4), "peak_gib": round(peak / 2**30, 3)}
