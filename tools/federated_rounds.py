# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Three simulated hospitals train ``l2i_classification`` together by ``monai.fl``, and each alone: which is better?

``python tools/federated_rounds.py OUT [--rounds 10] [--local_epochs 1] [--seed 0]``: the table of
docs/how-to/federated.md. The hospitals have a third each of the people of a generated phantom and take the same number
of steps; the model after the last round classifies the same held-out people, the 95 % intervals are over these.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fire
import torch
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, WeightType
from monai.fl.utils.exchange_object import ExchangeObject

from monai_anomaly.data import write_phantom
from monai_anomaly.metrics import cluster_bootstrap

BUNDLE = Path(__file__).resolve().parents[1] / "bundles" / "l2i_classification"
HOSPITALS = ("one", "two", "three")
SICK = {"lesion": "ms", "severity": 2.0, "size": 1.6}
PHANTOM: dict[str, Any] = {
    "groups": [
        {"site": "A", "lesion": None, "training": 24, "validation": 6, "test": 60},
        {"site": "A", "training": 60, "validation": 6, "test": 60, **SICK},
        {"site": "B", "training": 120, "validation": 0, "test": 0, **SICK},
        {"site": "C", "lesion": None, "training": 60, "validation": 0, "test": 0},
        {"site": "D", "lesion": None, "training": 60, "validation": 0, "test": 0},
    ],
    "scanners": {
        "A": {"noise": 0.05},
        "B": {"gamma": 0.5, "noise": 0.2},
        "C": {"gamma": 1.8, "blur": 6.0},
        "D": {"gamma": 2.0, "blur": 4.8},
    },
    "contrasts": ["flair"],
    "twin": False,
    "spacing": 6.0,
    "workers": 1,
}
SIZE: dict[str, Any] = {"pixdim": [6.0, 6.0, 6.0], "spatial_size": [33, 33, 33]}
Weights = dict[str, torch.Tensor]


def divide(phantom: Path, folder: Path) -> dict[str, Path]:
    """A datalist for each hospital: every third person of each scanner and class to train with, all others the same.

    Returns:
        the folder of each hospital.
    """
    listed = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))
    sections = {name: listed[name] for name in ("training", "validation", "test")}
    for sample in (s for samples in sections.values() for s in samples):
        for key in {"image", "mask", "twin"} & sample.keys():
            files = sample[key]
            sample[key] = str(phantom / files) if isinstance(files, str) else [str(phantom / file) for file in files]
    people = sorted(sections["training"], key=lambda s: (s["site"], s["label"], s["subject"]))
    found = {}
    for number, name in enumerate(HOSPITALS):
        found[name] = folder / name
        found[name].mkdir(parents=True, exist_ok=True)
        own_list = {"modalities": listed["modalities"], **sections, "training": people[number :: len(HOSPITALS)]}
        (found[name] / "datalist.json").write_text(json.dumps(own_list), encoding="utf-8")
    return found


def client(name: str, data: Path, folder: Path, bundle: Path = BUNDLE, local_epochs: int = 1, **options: Any) -> Any:
    """A hospital's client, which trains and does not evaluate."""
    folders = {"dataset_dir": str(data), "ckpt_dir": str(folder / "trained"), "output_dir": str(folder / "eval")}
    algo = MonaiAlgo(
        bundle_root=str(bundle),
        local_epochs=local_epochs,
        send_weight_diff=False,
        train_kwargs={"device": "$torch.device('cpu')", "phantom": None, "resume": False, **folders, **options},
        config_evaluate_filename=None,
    )
    algo.initialize(extra={ExtraItems.CLIENT_NAME: name})
    return algo


def trained(algo: Any, weights: Weights) -> Weights:
    """The weights after a round of a client that begins with these."""
    sent = {name: value.numpy().copy() for name, value in weights.items()}
    algo.train(ExchangeObject(weights=sent, weight_type=WeightType.WEIGHTS))
    return own(algo.get_weights().weights)


def own(weights: Mapping[str, Any]) -> Weights:
    """Copies, which training does not change."""
    return {name: torch.as_tensor(value).clone() for name, value in weights.items()}


def mean(weights: Sequence[Weights]) -> Weights:
    """FedAvg of hospitals with as many images each."""
    return {name: torch.stack([w[name].double() for w in weights]).mean(0).to(weights[0][name]) for name in weights[0]}


@torch.no_grad()
def correct(algo: Any, weights: Weights) -> torch.Tensor:
    """Which of the held-out people are classified as they are (N,), of bool."""
    parser, network = algo.train_workflow.parser, algo.trainer.network
    network.load_state_dict(weights)
    network.eval()
    inferer = parser.get_parsed_content("inferer")
    right = []
    for batch in parser.get_parsed_content("evaluate#test_loader"):
        image, targets = parser.get_parsed_content("validate#prepare_batch")(batch)
        right.append(inferer(image, network)["logits"].argmax(1) == targets.label)
    return torch.cat(right)


def federated_rounds(out: str, rounds: int = 10, local_epochs: int = 1, seed: int = 0, **options: Any) -> None:
    """Train together and alone, and write the table.

    Args:
        out: folder for all of it.
        rounds: how often the server averages.
        local_epochs: of each hospital in each round.
        seed: of weights and batches.
        options: of the bundle.
    """
    folder = Path(out)
    if not (folder / "phantom" / "datalist.json").is_file():
        write_phantom(folder / "phantom", **PHANTOM)
    common = {
        **SIZE,
        "epochs": rounds * local_epochs,
        "val_interval": 1000,
        "seed": seed,
        "cache_dir": str(folder / "cache"),
        **options,
    }
    hospitals = divide(folder / "phantom", folder)
    start = time.monotonic()
    together = [
        client(n, data, folder / "together" / n, local_epochs=local_epochs, **common) for n, data in hospitals.items()
    ]
    shared = begin = own(together[0].trainer.network.state_dict())
    for _ in range(rounds):
        shared = mean([trained(algo, shared) for algo in together])
    federated, by_hospital = correct(together[0], shared), {}
    for name, data in hospitals.items():
        alone, weights = client(name, data, folder / "alone" / name, local_epochs=local_epochs, **common), begin
        for _ in range(rounds):
            weights = trained(alone, weights)
        by_hospital[f"hospital {name} alone"] = correct(alone, weights)
    steps = together[0].trainer.state.iteration
    lines = [
        "| model | accuracy [95 %] | together better by [95 %] |",
        "|---|---|---|",
        f"| together, after the last round | {share(federated)} | |",
    ]
    for name, right in by_hospital.items():
        lines.append(f"| {name} | {share(right)} | {share(federated.double() - right.double())} |")
    minutes = (time.monotonic() - start) / 60
    lines.append(f"\n{len(federated)} people, {steps} steps of each hospital, {minutes:.1f} minutes.")
    (folder / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def share(values: torch.Tensor) -> str:
    """The mean over people, with its interval."""
    numbers = values.double().numpy()
    low, high = cluster_bootstrap(numbers, range(len(numbers))) or (float("nan"), float("nan"))
    return f"{numbers.mean():.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    fire.Fire(federated_rounds)
