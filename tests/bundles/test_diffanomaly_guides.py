# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The guide that ignores the scanner, and its counterpart: trained, evaluated per site, on a tiny design."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import TINY_DIFFUSION
from monai_anomaly.networks.weights import load_state_dict

from .tiny_data import TINY_TRAINING
from .workflow import merged, train, workflow

GROUPS = [
    {"site": "A", "lesion": None, "training": 1, "validation": 1, "test": 1},
    {"site": "A", "lesion": "tumour", "training": 1, "validation": 1, "test": 1},
    {"site": "B", "lesion": "tumour", "training": 1, "test": 1},
    {"site": "B", "lesion": None, "test": 1},
    {"site": "C", "lesion": None, "training": 1, "test": 1},
]
DESIGN = {"seed": 0, "spacing": 6.0, "contrasts": ["flair"], "groups": GROUPS}
GUIDE = ("vanilla_guide", "l2i_guide")


def tiny(folder: Path) -> dict[str, Any]:
    return {
        **TINY_TRAINING,
        **TINY_DIFFUSION,
        "channel_names": ["flair"],
        "phantom": DESIGN,
        "phantom_dir": str(folder / "phantom"),
        "batch_size": 4,
        "inferer#scheme#steps": 2,
        "inferer#scheme#substeps": 1,
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guides")
    train("diffanomaly", folder, "vanilla_guide", **tiny(folder), run=["$@train#trainer.run()"])
    train("diffanomaly", folder, *GUIDE, **tiny(folder))
    return folder


def test_the_guide_is_trained_on_the_diffusion_network_of_the_other(trained: Path) -> None:
    vanilla, guide = (load_state_dict(trained / "models" / f"{name}.pt") for name in GUIDE)
    diffusion = [name for name in vanilla if name.startswith("diffusion.")]
    assert diffusion and all(torch.equal(vanilla[name], guide[name]) for name in diffusion)
    assert guide["classifier.centers"].shape == (2, 32)


def test_every_site_has_its_false_positives(trained: Path) -> None:
    report = json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert report["settings"]["method"] == "l2i_guide" and list(report["parts"]) == ["all", "A", "B", "C"]
    found = [part["methods"]["l2i_guide"]["healthy_flagged"] for part in report["parts"].values()]
    whole, *sites = found
    assert sum(site["n"] for site in sites) == whole["n"] and all(0 <= site["value"] <= 1 for site in sites)
    assert "| B " in (trained / "eval" / "metrics.md").read_text(encoding="utf-8").split("## Sites")[1]


def test_batches_end_with_anchors_and_healthy_slices_are_of_healthy_people(trained: Path) -> None:
    folders = {"ckpt_dir": str(trained / "models"), "output_dir": str(trained / "eval")}
    parser = workflow("diffanomaly", "train", "train", *GUIDE, **tiny(trained), **folders).parser
    batch = next(iter(parser.get_parsed_content("train#dataloader")))
    _, noisy, _, arguments = parser.get_parsed_content("train#prepare_batch")(batch)
    assert noisy.targets["anchor"].sum() == 8 and len(noisy) == 12 and "class_labels" not in arguments
    assert batch["label"][4:].tolist() == [0] * 4 + [1] * 4 and set(batch["site"][4:]) == {"A"}
    dataset = parser.get_parsed_content("train#dataset")
    assert {(dataset.sites[i], label) for i, label in enumerate(dataset.labels)} == {
        ("A", 0), ("A", 1), ("B", 1), ("C", 0)
    }  # fmt: skip
    assert "anchor" not in parser.get_parsed_content("validate#prepare_batch")(batch)[1].targets


def test_the_two_differ_in_the_guide_alone() -> None:
    vanilla, guide = merged("diffanomaly", "train", "vanilla_guide"), merged("diffanomaly", "train", *GUIDE)
    for item in ("inferer", "phantom", "slice_dataset", "evaluate", "task", "epochs", "network_def#diffusion"):
        assert vanilla[item] == guide[item], item
    networks = [parser.get_parsed_content("network_def") for parser in (vanilla, guide)]
    vanilla_guide, encoder = networks[0].classifier.members[0], networks[1].classifier.encoder
    inner = [p.shape for name, p in vanilla_guide.named_parameters() if not name.startswith("pool")]
    assert inner == [p.shape for name, p in encoder.named_parameters() if not name.startswith("pool")]
