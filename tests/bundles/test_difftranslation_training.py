# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Trainings of the bundle and their evaluations, from the data to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from monai_anomaly.apps.datalist import datalist
from monai_anomaly.apps.zoo.tiny_networks import TINY_DIFFUSION, TINY_NETWORK, TINY_SEGMENTER, TINY_TRANSLATION
from monai_anomaly.utils import load_tensors

from .tiny_data import TINY_TRAINING
from .workflow import infer, merged, train

FEW_STEPS = {"inferer#scheme#steps": 2, "inferer#scheme#substeps": 1}
TINY: dict[str, Any] = {**TINY_TRAINING, **TINY_TRANSLATION, **TINY_SEGMENTER, **FEW_STEPS}
TRAIN_ONLY = {"run": ["$@train#trainer.run()"]}


def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trained(phantom: Path, slices: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The segmenter, then the networks of the bundle, which are evaluated."""
    folder = tmp_path_factory.mktemp("trained")
    options = {"dataset_dir": str(phantom), "cache_dir": slices}
    train("difftranslation", folder, "segmenter", **TINY_TRAINING, **TINY_SEGMENTER, **options)
    train("difftranslation", folder, **TINY, **options)
    return folder


def test_the_truth_and_the_segmenter_judge_the_default(trained: Path) -> None:
    found = report(trained / "eval")
    assert set(found["parts"]) == {"all", "grow", "insert", "move", "remove", "shrink"}
    scores = found["parts"]["all"]["methods"]["difftranslation"]
    assert {"size_error", "mask_dice", "error_lesion", "error_outside", "drift", "own_error"} <= set(scores)
    assert {path.name for path in trained.glob("models/*.pt")} >= {"model.pt", "segmenter.pt"}


@pytest.mark.parametrize(
    ("section", "found"),
    [("counterfactual", "samples in the section 'counterfactual'"), ("test", "expected a mask of every subject with")],
)
def test_data_that_do_not_suffice_are_refused_before_the_training(
    phantom: Path, tmp_path: Path, section: str, found: str
) -> None:
    """Own data without pairs, or without masks."""
    datalist = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))
    for name in ("training", "validation", "test"):
        for sample in datalist[name]:
            sample |= {"image": [str(phantom / file) for file in sample["image"]]}
            del sample["mask"]
            sample.pop("twin", None)
    datalist.pop("counterfactual", None)
    (tmp_path / "datalist.json").write_text(json.dumps(datalist), encoding="utf-8")
    with pytest.raises(RuntimeError) as caught:
        train("difftranslation", tmp_path, **TINY, dataset_dir=str(tmp_path), test_section=section)
    assert found in str(caught.getrepr(chain=True))
    assert not (tmp_path / "models").exists()


def test_without_the_segmenter_a_line_says_how_to_train_it(
    trained: Path, phantom: Path, slices: str, tmp_path: Path
) -> None:
    files = {"ckpt_dir": str(trained / "models"), "segmenter_file": str(tmp_path / "none.pt")}
    with pytest.warns(UserWarning, match=r"none\.pt: no weights of an independent segmenter.*segmenter\.json trains"):
        train("difftranslation", tmp_path, "evaluate", **TINY, **files, dataset_dir=str(phantom), cache_dir=slices)
    scores = report(tmp_path / "eval")["parts"]["all"]["methods"]["difftranslation"]
    assert "error_lesion" in scores and "size_error" not in scores


@pytest.mark.parametrize("guide", [None, "regressor", "area"])
def test_sizes_for_each_guide_of_them(trained: Path, phantom: Path, slices: str, tmp_path: Path, guide: Any) -> None:
    names = ["sizes", *([guide] if guide else [])]
    options = {"ckpt_dir": str(trained / "models"), "dataset_dir": str(phantom), "cache_dir": slices}
    train("difftranslation", tmp_path, *names, **TINY, **options)
    found = report(tmp_path / "eval")
    assert guide is None or found["provenance"]["config"] == f"sizes_{guide}"
    assert sorted({round(case["wanted"], 4) for case in found["cases"]}) == [0, 0.05, 0.1, 0.2]
    assert {case["edit"] for case in found["cases"]} == {"resize"}
    assert "size_correlation" in found["parts"]["all"]["methods"][guide or "difftranslation"]
    assert (tmp_path / "eval" / "sizes.png").is_file()


def test_task_networks_on_the_diffusion_network_of_diffanomaly(phantom: Path, slices: str, tmp_path: Path) -> None:
    options = {**TINY_TRAINING, **TRAIN_ONLY, "dataset_dir": str(phantom), "cache_dir": slices}
    train("diffanomaly", tmp_path / "other", **TINY_NETWORK, **options)
    other = tmp_path / "other" / "models" / "model.pt"
    train("difftranslation", tmp_path, "from_diffanomaly", **(TINY | options), pretrained=str(other))
    before, after = load_tensors(other), load_tensors(tmp_path / "models" / "model.pt")
    assert {name.split(".")[0] for name in after} == {"diffusion", "size", "tumor"}
    for name, value in after.items():
        if name.startswith("diffusion."):
            torch.testing.assert_close(value, before[name])
    train("difftranslation", tmp_path, "from_diffanomaly", "evaluate", **(TINY | {"dataset_dir": str(phantom)}))
    assert "drift" in report(tmp_path / "eval")["parts"]["all"]["methods"]["difftranslation"]


def test_diffanomaly_is_looked_for_beside_the_bundle() -> None:
    parser = merged("difftranslation", "train", "from_diffanomaly")
    bundle, folder, name = Path(parser.get_parsed_content("pretrained")).resolve().parts[-3:]
    assert (bundle, name) == ("diffanomaly", "model.pt") and folder in ("trained", "models")


def test_the_thesis_and_its_sizes(phantom: Path, slices: str, tmp_path: Path) -> None:
    """As in thesis.json but for the sizes of networks and data."""
    tiny = {**TINY, "inferer#batch_size": 8, "spatial_size": [32, 32], "dataset_dir": str(phantom), "cache_dir": slices}
    train("difftranslation", tmp_path, "thesis", **tiny)
    assert not (tmp_path / "eval" / "metrics.json").exists()
    train("difftranslation", tmp_path, "thesis", "sizes", **tiny)
    found = report(tmp_path / "eval")
    assert found["provenance"]["config"] == "thesis_sizes" and found["settings"]["background"] == 0
    assert "own_error" in found["parts"]["all"]["methods"]["difftranslation"]


def test_faces_and_their_ages(tmp_path: Path) -> None:
    """A folder of photographs of different sizes, with a table of ages."""
    rng = np.random.default_rng(0)
    rows = ["file,age"]
    for number in range(12):
        age = 5 + 6 * number
        size = (40 + number, 36, 3)
        Image.fromarray(rng.integers(0, 80, size, dtype=np.uint8) + np.uint8(age)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{age}")
    (tmp_path / "ages.csv").write_text("\n".join(rows))
    split = {"label": "None", "subject": "None", "scalars": "age", "split": "0.6,0.2,0.2"}
    datalist("table", tmp_path / "ages.csv", tmp_path / "datalist.json", **split)
    network = {
        **TINY_DIFFUSION,
        "network_def#age#channels": [8, 16],
        "network_def#age#num_res_blocks": 1,
        "network_def#age#attention_levels": [False, True],
        "network_def#age#num_head_channels": 8,
        "network_def#age#norm_num_groups": 8,
        "spatial_size": [32, 32],
    }
    tiny = {**network, **FEW_STEPS, "epochs": 1, "batch_size": 4}
    train("difftranslation", tmp_path, "faces", **tiny, dataset_dir=str(tmp_path))
    found = report(tmp_path / "eval")
    assert {case["wanted"] for case in found["cases"]} == {10, 20, 60, 80}
    scores = found["parts"]["all"]["methods"]["difftranslation"]
    assert {"own_error", "own_correlation", "change"} <= set(scores) and "size_error" not in scores

    steps = {"displayable_configs#steps": 2, "displayable_configs#target_age": 70, "displayable_configs#scale": 1.0}
    files = {"ckpt_dir": str(tmp_path / "models"), "dataset_dir": str(tmp_path / "datalist.json")}
    infer("difftranslation", tmp_path / "out", "inference_faces", **network, **steps, **files)
    case = next(path for path in sorted((tmp_path / "out").iterdir()) if path.is_dir())
    width, height = Image.open(tmp_path / case.name).size
    assert nib.load(case / "translation.nii.gz").shape == (width, height, 1, 3)
    scores = json.loads((case / "scores.json").read_text(encoding="utf-8"))
    assert set(scores["measured"]["age"]) == {"before", "after"}


def test_three_classes(phantom: Path, slices: str, tmp_path: Path) -> None:
    """A classifier of three kinds of images beside the diffusion network: an image is led to the third."""
    kinds = {
        "num_classes": 3,
        "null_label": 3,
        "scalar": "kind",
        "network_def#trained": None,
        "targets": ["label"],
        "network_def#size": None,
        "network_def#tumor": None,
        "network_def#kind": {
            "_target_": "monai_anomaly.networks.nets.NoiseConditionedEncoder",
            "in_channels": "$len(@channel_names)",
            "out_channels": "@num_classes",
            "channels": [8, 16],
            "num_res_blocks": 1,
            "attention_levels": [False, True],
            "num_head_channels": 8,
            "norm_num_groups": 8,
        },
        "loss#tasks": {"kind": {"_target_": "monai_anomaly.losses.ClassificationLoss"}},
        "validate#additional_metrics": None,
        "inferer#guides": {
            "kind": {"_target_": "monai_anomaly.diffusion.ClassifierGuidance", "task": "kind", "target": 2}
        },
    }
    options = {**TINY_TRAINING, **TINY_DIFFUSION, **FEW_STEPS, **TRAIN_ONLY, "cache_dir": slices}
    train("difftranslation", tmp_path, **(options | kinds), dataset_dir=str(phantom))
    parser = merged("difftranslation", "train")
    parser.update(options | kinds)
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(load_tensors(tmp_path / "models" / "model.pt"))
    assert {name.split(".")[0] for name in network.state_dict()} == {"diffusion", "kind"}
    image = torch.rand(2, 4, 32, 40)
    inferer = parser.get_parsed_content("inferer")
    to_two = inferer(image, network)["reconstruction"]
    inferer.guides[0]["kind"].target = 0
    assert not torch.equal(inferer(image, network)["reconstruction"], to_two)


def test_a_number_of_the_datalist_is_learned_beside_masks(phantom: Path, tmp_path: Path) -> None:
    """As docs/how-to/write-a-guide.md names a task network."""
    datalist = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))
    for name in ("training", "validation"):
        for i, sample in enumerate(datalist[name]):
            sample |= {"image": [str(phantom / file) for file in sample["image"]], "age": 20 + i}
            sample["mask"] = str(phantom / sample["mask"])
            sample.pop("twin", None)
    (tmp_path / "datalist.json").write_text(json.dumps(datalist), encoding="utf-8")
    age = {
        "network_def#age": {
            "_target_": "monai_anomaly.networks.nets.NoiseConditionedEncoder",
            "in_channels": 4,
            "channels": [8, 16],
            "num_res_blocks": 1,
            "attention_levels": [False, False],
            "num_head_channels": 8,
            "norm_num_groups": 8,
            "out_channels": 1,
        },
        "loss#tasks#age": {"_target_": "monai_anomaly.losses.RegressionLoss", "target": "age"},
        "targets": ["label", "size", "mask", "age"],
        "scalars": ["age"],
    }
    train("difftranslation", tmp_path, **TINY, **TRAIN_ONLY, **age, dataset_dir=str(tmp_path))
    record = json.loads((tmp_path / "models" / "model.json").read_text(encoding="utf-8"))
    assert record["training"]["targets"]["age"][0] >= 20 and set(record["training"]["targets"]) == {"size", "age"}
