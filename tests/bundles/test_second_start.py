# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A training that is started once more: as it was, with something changed, and from the weights of another."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import TINY_MASK_DIFFUSION, TINY_NETWORK, TINY_TRANSLATION
from monai_anomaly.utils import DataError, load_tensors

from .test_bundle_workflows import TINY
from .workflow import train

NETWORKS = {
    "descargan": {},
    "diffanomaly": TINY_NETWORK,
    "diffseg": TINY_MASK_DIFFUSION,
    "difftranslation": TINY_TRANSLATION,
    "l2i_classification": {},
}
FEW_STEPS = {
    "descargan": {},
    "diffanomaly": {"inferer#scheme#steps": 2, "inferer#scheme#substeps": 1},
    "diffseg": {"inferer#steps": 2, "inferer#num_samples": 2},
    "difftranslation": {"inferer#scheme#steps": 2, "inferer#scheme#substeps": 1},
    "l2i_classification": {},
}
OTHER: dict[str, tuple[dict[str, Any], str]] = {
    "descargan": ({"loss#lambda_id": 7.0}, r"loss_function\.lambda_id 50\.0 -> 7\.0"),
    "diffanomaly": ({"max_level": 300}, r"prepare_batch\.max_level 550 -> 300"),
    "difftranslation": ({"loss#tasks#size#weight": 5.0}, r"loss_function\.tasks\.size\.weight 100\.0 -> 5\.0"),
    "l2i_classification": ({"margin": 1.5}, r"loss_function\.terms\.center\.distance 1\.9 -> 1\.5"),
    "diffseg": ({"level_power": 2.0}, r"prepare_batch\.noising\.level_power 1\.0 -> 2\.0"),
}
TRAIN_ONLY = {"run": ["$@train#trainer.run()"]}


def refused(match: str, *arguments: Any, **options: Any) -> None:
    """MONAI's workflow wraps an error in its own."""
    with pytest.raises(RuntimeError) as caught:
        train(*arguments, **options)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, DataError):
        error = error.__cause__
    assert error is not None and re.search(match, str(error)), caught.value


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "models").iterdir()}


def test_second_start(bundle: Path, tiny_data: Path, tmp_path: Path, slices: str) -> None:
    """With nothing changed it only evaluates; another seed, other settings or other patients are refused."""
    options = TINY[bundle.name] | NETWORKS[bundle.name] | FEW_STEPS[bundle.name]
    options |= {"dataset_dir": str(tiny_data), "cache_dir": slices}
    train(bundle.name, tmp_path, **options)
    before = files(tmp_path)

    train(bundle.name, tmp_path, **options)
    assert files(tmp_path) == before
    model = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))["provenance"]["model"]
    assert model["training"]["settings"]["seed"] == 0 and model["training"]["data"]["training"]["samples"] > 0

    other, shown = OTHER[bundle.name]
    shorter = tiny_data / "shorter.json"  # one patient fewer
    content = json.loads((tiny_data / "datalist.json").read_text(encoding="utf-8"))
    shorter.write_text(json.dumps(content | {"training": content["training"][:-1]}))
    for change, message in (
        ({"seed": 1}, r"\(seed 0 -> 1"),
        (other, shown),
        ({"datalist": str(shorter)}, r"training data \d+ sample"),
        ({"pretrained": str(tmp_path / "models" / "model.pt")}, r"pretrained none -> .*model\.pt"),
    ):
        message = rf"training_state\.pt: .*{message}.*--resume False"
        refused(message, bundle.name, tmp_path, **(options | change))
        assert files(tmp_path) == before


def test_fine_tuning_keeps_what_it_starts_from(bundle: Path, tiny_data: Path, tmp_path: Path, slices: str) -> None:
    options = TINY[bundle.name] | NETWORKS[bundle.name] | TRAIN_ONLY
    options |= {"dataset_dir": str(tiny_data), "cache_dir": slices}
    train(bundle.name, tmp_path, **options)
    first = files(tmp_path)["model.pt"]
    (tmp_path / "models" / "training_state.pt").unlink()

    # whose names nothing knows: it was trained from scratch, and the file was lost
    torch.save({f"net.{k}": v for k, v in load_tensors(tmp_path / "models" / "model.pt").items()}, tmp_path / "odd.pt")
    odd = {"pretrained": str(tmp_path / "odd.pt")}
    refused(r"odd\.pt: .* 0 of the network's", bundle.name, tmp_path, **options, **odd)

    for again in ({"finetune": True}, {"finetune": True}, {}):  # the later starts resume
        train(bundle.name, tmp_path, **options, **again)
        assert files(tmp_path)["model_pretrained.pt"] == first != files(tmp_path)["model.pt"]
    record = json.loads(files(tmp_path)["model.json"])["training"]
    assert record["pretrained"]["file"] == "model.pt"
    torch.save(load_tensors(tmp_path / "models" / "model.pt"), tmp_path / "other.pt")
    other = {"pretrained": str(tmp_path / "other.pt")}
    refused(r"pretrained model\.pt -> .*other\.pt", bundle.name, tmp_path, **options, **other)
