# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from ignite.engine import Events
from monai.bundle import ConfigParser

from ..engines import CriticTrainer
from ..utils import provenance
from .run import inference_step

__all__ = ["speed"]

EVALUATION_BATCH = "evaluate::prepare_batch"


def speed(
    config: str | Sequence[str] = (
        "bundles/diffanomaly/configs/train.json",
        "bundles/diffanomaly/configs/published.json",
        "bundles/diffanomaly/configs/thesis.json",
    ),
    batch_size: int = 1,
    steps: int = 3,
    **overrides: Any,
) -> str:
    """Time and peak memory of a training step and of an inference step, on random images of a configuration's size.

    Examples:
        monai-anomaly speed
        monai-anomaly speed --config bundles/diffanomaly/configs/train.json --batch_size 16

    Args:
        config: the configuration(s); the default is the thesis' size.
        batch_size: images in a batch.
        steps: repetitions; the median is reported, after one that is not counted.
        **overrides: of the configuration, e.g. ``network_def#activation_checkpointing`` or ``autocast``.

    Returns:
        JSON with seconds and GiB; memory is the process' peak on a CPU, the allocator's on a GPU. A training step is an
        iteration of the configuration's ``train#trainer``, without its handlers; of a GAN the mean over the iterations
        until the generator is updated. An inference step is the inferer's ``one_step``, e.g. one guided decoding step
        or one denoising step of masks, where it has one, else one call of the inferer.

    Raises:
        ValueError: when a GAN is given a batch of one image, which has no gradient penalty.
    """
    parser = ConfigParser()
    parser.read_config(config)
    parser.update(overrides)
    batch = _random_batch(parser, batch_size)
    # a configuration may count its epochs by the size of the data
    trained = {"train_handlers": [], "train_data_loader": (batch,), "max_epochs": 1}
    parser.update({f"train#trainer#{name}": value for name, value in trained.items()})
    device = torch.device(parser.get_parsed_content("device"))
    network, trainer = parser.get_parsed_content("network"), parser.get_parsed_content("train#trainer")
    count = 1
    if isinstance(trainer, CriticTrainer):
        if batch_size < 2:
            raise ValueError(
                f"a training step of a GAN needs images of both classes: batch_size 2 or more, got {batch_size}"
            )
        trainer.warmup, count = 0, trainer.n_critic
    trainer.state.max_epochs = (steps + 1) * count  # of one iteration
    images, arguments = batch["image"].to(device), {}
    if EVALUATION_BATCH in parser:  # what to translate to
        *_, arguments = parser.get_parsed_content(EVALUATION_BATCH)(batch, device)
    network.eval()
    step = partial(inference_step(parser.get_parsed_content("inferer")), images, network, **arguments)
    result: dict[str, Any] = {"parameters": sum(p.numel() for p in network.parameters()), "batch_size": batch_size}
    result["inference_step"] = _measure(lambda: _times(step, steps + 1, device), 1, device)
    result["training_step"] = _measure(lambda: _iterations(trainer, device), count, device)
    result.update(
        image=list(images.shape[1:]),
        device=str(device),
        threads=torch.get_num_threads(),
        **provenance(str(config)),
    )
    return json.dumps(result, indent=1)


def _random_batch(parser: ConfigParser, batch_size: int) -> dict[str, Any]:
    """Images of the configuration's size, with masks, labels and a number, whichever the trainer learns, and with what
    a translation may be led to."""
    size, channels = parser.get_parsed_content("spatial_size"), len(parser.get_parsed_content("channel_names"))
    regions = parser.get_parsed_content("num_regions", default=1)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(batch_size, channels, *size, generator=generator)
    mask = torch.randint(2, (batch_size, regions, *size), generator=generator).float()
    number = torch.full((batch_size, 1), 0.1)
    return {
        "image": image,
        "mask": mask,
        "label": torch.arange(batch_size) % 2,
        parser.get("scalar", "number"): number,
        "target_mask": mask,
        "target_value": number,
        "edit": [("grow", "insert")[i % 2] for i in range(batch_size)],
    }


def _times(step: Callable[[], Any], repetitions: int, device: torch.device) -> list[float]:
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        step()
        _wait(device)
        times.append(time.perf_counter() - start)
    return times


def _iterations(trainer: Any, device: torch.device) -> list[float]:
    """Seconds of each iteration of a trainer."""
    times: list[float] = []

    @trainer.on(Events.ITERATION_STARTED)
    def start() -> None:
        times.append(time.perf_counter())

    @trainer.on(Events.ITERATION_COMPLETED)
    def end() -> None:
        _wait(device)
        times[-1] = time.perf_counter() - times[-1]

    trainer.run()
    return times


def _measure(run: Callable[[], list[float]], count: int, device: torch.device) -> dict[str, float]:
    """Median of the mean of ``count`` times after another, without the first ones, and the peak of memory."""
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    times = run()
    means = [sum(times[i : i + count]) / count for i in range(count, len(times), count)]
    # Linux counts the resident set in KiB
    peak = (
        torch.cuda.max_memory_allocated(device) if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return {"seconds": round(statistics.median(means), 4), "peak_gib": round(peak / 2**30, 3)}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
