# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Each bundle trained by one process and by two that have half of each batch: how far are they apart?

Processes draw their own noise, levels and augmentation, so two trainings are equal in the mean only. Here the draws are
a function of the image, or those that one process makes for the whole batch, of which each takes its part. What differs
then is what the processes do not share. ``python -m tests.bundles.parity`` writes the table of
docs/how-to/resume-and-many-gpus.md.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ignite.distributed as idist
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from ignite.engine import Events
from monai.utils import AdversarialKeys
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.data import Sampler

from monai_anomaly.apps.zoo.tiny_networks import TINY_MASK_DIFFUSION, TINY_NETWORK, TINY_TRANSLATION
from monai_anomaly.data import find_datalist, write_phantom
from monai_anomaly.diffusion import NoisyImages, RandomNoising
from monai_anomaly.handlers import EpochSeed

from .tiny_data import ELLIPSES, PHANTOM, SITES, TINY_ELLIPSES, TINY_SITES, TINY_TRAINING
from .workflow import workflow

PROCESSES = 2
TRAINING: dict[str, Any] = {"panel_interval": 99, "run": ["$@train#trainer.run()"], "epochs": 2}
SLICES: dict[str, Any] = {**TINY_TRAINING, **TRAINING, "slice_range": [11, 16], "batch_size": 4}
GAN: dict[str, Any] = {
    **TINY_ELLIPSES,
    **TRAINING,
    "critic_loss#pairing": "own",  # a partner of its class would be drawn from each process' batch
    "network_def#discriminator#dropout": 0.0,
}
VOLUMES: dict[str, Any] = {**TINY_SITES, **TRAINING, "epochs": 1, "images": 4, "anchors": 1, "batch_size": 2}
GLOBAL_SLICES: dict[str, Any] = {
    "train#sampler": {
        "_target_": "DistributedSampler",
        "dataset": "@train#dataset",
        "num_replicas": 1,
        "rank": 0,
        "shuffle": True,
    },
    "batch_size": PROCESSES * SLICES["batch_size"],
}


@dataclass(frozen=True)
class Case:
    """A bundle's training, and what gives one process of it the batches of two."""

    bundle: str
    options: Mapping[str, Any]
    alone: Mapping[str, Any]


def merged(sampler: str, **more: Any) -> dict[str, Any]:
    return {"train#batch_sampler": {"_target_": "tests.bundles.parity.MergedBatches", "sampler": sampler}, **more}


GLOBAL_CLASSES = merged("$@train#class_batches(@train#dataset.labels)")
GLOBAL_ANCHORS = merged(
    "@train#anchor_batches", **{"train#prepare_batch#anchors": f"${PROCESSES} * @anchors * @num_classes"}
)
EXACT = {
    "`diffanomaly`": Case("diffanomaly", {**SLICES, **TINY_NETWORK}, GLOBAL_SLICES),
    "`diffseg` without Dice": Case(
        "diffseg", {**SLICES, **TINY_MASK_DIFFUSION, "loss#dice_weight": 0.0}, GLOBAL_SLICES
    ),
    "`difftranslation`": Case("difftranslation", {**SLICES, **TINY_TRANSLATION}, GLOBAL_SLICES),
    "`descargan`": Case("descargan", GAN, GLOBAL_CLASSES),
    "`l2i_classification` without batch normalization": Case(
        "l2i_classification", {**VOLUMES, "network_def#encoder#batch_norm": False}, GLOBAL_ANCHORS
    ),
}
DICE = "`diffseg`"
BATCH_NORMALIZATION = "`l2i_classification`"
CASES = {
    **EXACT,
    DICE: Case("diffseg", {**SLICES, **TINY_MASK_DIFFUSION}, GLOBAL_SLICES),
    BATCH_NORMALIZATION: Case("l2i_classification", VOLUMES, GLOBAL_ANCHORS),
}
"""The last two have something that is no mean over images: Dice of a whole batch, and statistics of one."""


class MergedBatches(Sampler[list[int]]):
    """Of as many batches as there are processes one, in the order in which `part` takes it apart again."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    def set_epoch(self, epoch: int) -> None:
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.sampler) // PROCESSES

    def __iter__(self) -> Iterator[list[int]]:
        for batches in zip(*[iter(self.sampler)] * PROCESSES, strict=False):
            yield [i for images in zip(*batches, strict=True) for i in images]


class OwnAugmentation:
    """Makes the same of an image wherever it is."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __call__(self, item: Any) -> Any:
        self.transform.set_random_state(zlib.crc32(item["image"].numpy().tobytes()))
        return self.transform(item)


def part(whole: torch.Tensor) -> torch.Tensor:
    """What belongs to the images of this process: images go round the processes."""
    return whole[dist.get_rank() :: PROCESSES]


def in_all(own: int) -> int:
    """Number of images that the processes have together in this step."""
    count = torch.tensor(own)
    dist.all_reduce(count)
    return int(count)


@contextmanager
def shared_draws() -> Iterator[None]:
    """Noise, levels and other numbers of images are drawn for the batches of all processes together."""
    rand, noised = torch.rand, RandomNoising.__call__

    def draw(count: int, *shape: int, **options: Any) -> torch.Tensor:
        return part(rand(in_all(count), *shape, **options))

    def noise(self: RandomNoising, x0: torch.Tensor, max_level: int, generator: Any) -> NoisyImages:
        with patch("torch.rand", rand):
            drawn = noised(self, x0.new_zeros(in_all(len(x0)), *x0.shape[1:]), max_level, generator)
        level, added = part(drawn.level), part(drawn.noise)
        return NoisyImages(x0, added, self.schedule.add_noise(x0, added, level), level)

    with patch("torch.rand", draw), patch.object(RandomNoising, "__call__", noise):
        yield


@contextmanager
def double_precision() -> Iterator[None]:
    """Networks compute in float64: rounding of float32 decides where a derivative jumps (ReLU, the largest of a pool),
    and two trainings part there."""

    def convert(module: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(v.double() if torch.is_tensor(v) and v.dtype == torch.float32 else v for v in inputs)

    hook = register_module_forward_pre_hook(convert)
    try:
        yield
    finally:
        hook.remove()


def trained(case: Case, data: Path, folder: Path, rank: int | None = None) -> dict[str, Any]:
    """Losses of each iteration, validation metrics of each epoch, and the weights before and after; of one process, or
    of one of two."""
    shared = rank is not None
    names, options = ["train", *(["multi_gpu_train"] if shared else [])], {} if shared else case.alone
    folders = {"ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval"), "dataset_dir": str(data)}
    cache = {"cache_dir": str(folder.parent / "cache")}
    made = workflow(case.bundle, "train", *names, **{**case.options, **options}, **folders, **cache)
    network = made.parser.get_parsed_content("network_def").double()  # before copies and DistributedDataParallel
    trainer, evaluator, dataset, handlers = (
        made.parser.get_parsed_content(name)
        for name in ("train#trainer", "validate#evaluator", "train#dataset", "train#handlers")
    )
    name = "slice_transform" if hasattr(dataset, "slice_transform") else "augmentation"
    setattr(dataset, name, OwnAugmentation(getattr(dataset, name)))
    next(handler for handler in handlers if isinstance(handler, EpochSeed)).rank = 0  # all draw the same
    found: dict[str, Any] = {"losses": [], "metrics": []}

    def note(engine: Any) -> None:
        losses = [engine.state.output.get(name) for name in ("loss", AdversarialKeys.DISCRIMINATOR_LOSS)]
        found["losses"].append(torch.stack([v.detach().double() for v in losses if v is not None]))

    trainer.add_event_handler(Events.EPOCH_STARTED(once=1), lambda engine: found.update(before=state(network)))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
    evaluator.add_event_handler(
        Events.COMPLETED, lambda engine: found["metrics"].append(torch.tensor([*engine.state.metrics.values()]))
    )
    with double_precision(), shared_draws() if shared else nullcontext():
        made.run()
    return {**found, "after": state(network), "validated": state(evaluator.network)}


def state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.detach().clone() for k, v in network.state_dict().items() if v.is_floating_point()}


def one_of_two(rank: int, address: str, data: Mapping[str, Path], folder: Path, cases: Mapping[str, Case]) -> None:
    """A process that trains all cases beside the other one."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES))
    dist.init_process_group("gloo", address, timedelta(seconds=300), PROCESSES, rank)
    found = {
        name: trained(case, data[case.bundle], folder / f"{number}_{rank}", rank)
        for number, (name, case) in enumerate(cases.items())
    }
    torch.save(found, folder / f"{rank}.pt")
    idist.finalize()


def measure(data: Mapping[str, Path], folder: Path, cases: Mapping[str, Case] = CASES) -> dict[str, dict[str, float]]:
    """Of each case, how far two processes are from one, see `compare`.

    Args:
        data: the tiny data of each bundle.
        folder: where all is written.
        cases: what is trained.
    """
    alone = {
        name: trained(case, data[case.bundle], folder / f"{number}_alone")
        for number, (name, case) in enumerate(cases.items())
    }
    address, spawn = (folder / "address").as_uri(), mp.get_context("spawn")
    processes = [spawn.Process(target=one_of_two, args=(r, address, data, folder, cases)) for r in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    both = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]
    return {name: compare(alone[name], [found[name] for found in both]) for name in cases}


def compare(alone: Mapping[str, Any], both: list[Mapping[str, Any]]) -> dict[str, float]:
    """Greatest relative differences of two processes from one: ``loss``, in any step, ``metric``, in any epoch; of the
    ``weights``, the norm of the difference over that of what the training changed. ``between``: the greatest difference
    of what the two processes validate."""
    losses = torch.stack([torch.stack(own["losses"]) for own in both]).mean(0)
    change = {name: v - alone["before"][name] for name, v in alone["after"].items()}
    apart = {name: v - alone["after"][name] for name, v in both[0]["after"].items()}
    between = [(v - both[1]["validated"][name]).abs().max() for name, v in both[0]["validated"].items()]
    return {
        "steps": len(losses),
        "loss": relative(losses, torch.stack(alone["losses"])),
        "metric": relative(torch.stack(both[0]["metrics"]), torch.stack(alone["metrics"])),
        "weights": norm(apart) / norm(change),
        "between": float(max(between)),
    }


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float(((found - expected).abs() / expected.abs().clamp(min=1e-12)).max())


def norm(values: Mapping[str, torch.Tensor]) -> float:
    return float(sum(v.double().square().sum() for v in values.values()) ** 0.5)


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_phantom(folder / "phantom", progress=False, **PHANTOM)
        write_phantom(folder / "sites", progress=False, **SITES)
        find_datalist(folder / "ellipses", ELLIPSES)
        kinds = {"descargan": "ellipses", "l2i_classification": "sites"}
        data = {case.bundle: folder / kinds.get(case.bundle, "phantom") for case in CASES.values()}
        found = measure(data, folder)
    print("| training | steps | loss | weights | validation |\n|---|---|---|---|---|")
    for case, values in found.items():
        numbers = " | ".join(f"{values[key]:.0e}" for key in ("loss", "weights", "metric"))
        print(f"| {case} | {values['steps']} | {numbers} |")


if __name__ == "__main__":
    main()
