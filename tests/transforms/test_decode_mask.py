# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.metrics import ExpectedDiceThreshold, above
from monai_anomaly.transforms import DecodeMaskd, EncodeMaskd, MaskEncoding
from monai_anomaly.utils import DataError

MEAN = torch.linspace(0, 1, 24).reshape(1, 4, 6)


def test_label_map_keeps_the_geometry() -> None:
    encoding, affine = MaskEncoding("regions"), torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0]))
    labels = MetaTensor(torch.tensor([[[0.0, 1, 2, 4]]]), affine=affine)
    decoded = DecodeMaskd("mask", encoding, output_key="label_map")(EncodeMaskd("mask", encoding)({"mask": labels}))
    assert torch.equal(decoded["label_map"].as_tensor(), labels.as_tensor().to(torch.uint8))
    assert torch.equal(decoded["label_map"].affine, affine.double()) and decoded["label_map"].dtype == torch.uint8


def test_auto_takes_the_threshold_of_the_evaluation_and_else_a_half(tmp_path: Path) -> None:
    path = tmp_path / "threshold.json"
    decode = DecodeMaskd("mean", MaskEncoding(), threshold="auto", threshold_file=path)
    sample = decode({"mean": MEAN})
    assert sample["threshold"] == {"value": 0.5, "origin": "default"} and torch.equal(sample["mask"] > 0, MEAN > 0.5)
    path.write_text(json.dumps({"value": 0.3, "origin": "validation"}), encoding="utf-8")
    sample = decode({"mean": MEAN})
    assert sample["threshold"] == {"value": 0.3, "origin": "validation"} and torch.equal(sample["mask"] > 0, MEAN > 0.3)
    given = DecodeMaskd("mean", MaskEncoding(), threshold=0.7, threshold_file=path)({"mean": MEAN})
    assert given["threshold"] == {"value": 0.7, "origin": "given"} and torch.equal(given["mask"] > 0, MEAN > 0.7)


def test_bad_arguments_and_a_broken_file(tmp_path: Path) -> None:
    for threshold, message in (("otsu", "a number, 'auto' or 'expected_dice', got"), (1.0, "in \\[0, 1\\), got 1.0")):
        with pytest.raises(ValueError, match=f"threshold must be {message}"):
            DecodeMaskd("mean", MaskEncoding(), threshold=threshold)
    path = tmp_path / "threshold.json"
    for text in ("[]", '{"value": 0.2, "origin": "given", "rule": "median"}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"threshold\.json: expected JSON with 'value' and 'origin'"):
            DecodeMaskd("mean", MaskEncoding(), threshold="auto", threshold_file=path)({"mean": MEAN})


@pytest.mark.parametrize("kind", ["binary", "regions", "classes"])
@pytest.mark.parametrize("spatial", [(8, 9), (6, 7, 5)])
def test_every_region_has_the_threshold_of_its_own_probabilities(
    kind: str, spatial: tuple[int, ...], tmp_path: Path
) -> None:
    encoding, generator = MaskEncoding(kind), torch.Generator().manual_seed(0)
    probability = torch.rand(encoding.num_channels, *spatial, generator=generator) ** 6 / encoding.num_channels
    sample = DecodeMaskd("mean", encoding, threshold="expected_dice")({"mean": probability})
    note = sample["threshold"]
    assert (note["rule"], note["value"], note["origin"]) == ("expected_dice", 0.2, "given")
    maps = encoding.thresholded(probability)
    assert note["values"] == ExpectedDiceThreshold()(maps.numpy()).tolist()
    masks = torch.from_numpy(above(maps.numpy(), ExpectedDiceThreshold()))
    found = encoding.encode(sample["mask"]) > 0
    whole = {"binary": masks, "regions": masks.any(0, keepdim=True), "classes": masks}[kind]
    assert torch.equal(found.any(0, keepdim=True), whole) and 0 < whole.float().mean() < 1
    path = tmp_path / "threshold.json"
    path.write_text(json.dumps({"value": 0.2, "origin": "given", "rule": "expected_dice"}), encoding="utf-8")
    from_file = DecodeMaskd("mean", encoding, threshold="auto", threshold_file=path)({"mean": probability})
    assert torch.equal(from_file["mask"], sample["mask"]) and from_file["threshold"] == note
