# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
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


def test_auto_takes_the_threshold_of_the_evaluation_and_else_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "threshold.json"
    sample = DecodeMaskd("mean", MaskEncoding(), threshold="auto")({"mean": MEAN})
    assert sample["threshold"] == {"value": 0.2, "origin": "default", "rule": "expected_dice"}
    assert np.array_equal(sample["mask"] > 0, above(MEAN.numpy(), ExpectedDiceThreshold()))
    path.write_text(json.dumps({"value": 0.3, "origin": "validation"}), encoding="utf-8")
    sample = DecodeMaskd("mean", MaskEncoding(), threshold="auto", threshold_file=path)({"mean": MEAN})
    assert sample["threshold"] == {"value": 0.3, "origin": "validation"} and torch.equal(sample["mask"] > 0, MEAN > 0.3)
    given = DecodeMaskd("mean", MaskEncoding(), threshold=0.7, threshold_file=path)({"mean": MEAN})
    assert given["threshold"] == {"value": 0.7, "origin": "given"} and torch.equal(given["mask"] > 0, MEAN > 0.7)


def test_bad_arguments_and_a_broken_file(tmp_path: Path) -> None:
    for threshold, message in (("otsu", "a number, 'auto' or 'expected_dice', got"), (1.0, "in \\[0, 1\\), got 1.0")):
        with pytest.raises(ValueError, match=f"threshold must be {message}"):
            DecodeMaskd("mean", MaskEncoding(), threshold=threshold)
    path = tmp_path / "threshold.json"
    for text in (
        "[]",
        '{"value": 0.2, "origin": "given", "rule": "median"}',
        '{"value": 7, "origin": "x", "rule": "expected_dice"}',
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"threshold\.json: expected JSON with 'value' and 'origin'"):
            DecodeMaskd("mean", MaskEncoding(), threshold="auto", threshold_file=path)({"mean": MEAN})


@pytest.mark.parametrize("kind", ["binary", "regions", "classes"])
@pytest.mark.parametrize("spatial", [(8, 9), (6, 7, 5)])
def test_every_region_of_every_slice_is_cut_by_its_own_probabilities(
    kind: str, spatial: tuple[int, ...], tmp_path: Path
) -> None:
    encoding, generator = MaskEncoding(kind), torch.Generator().manual_seed(0)
    probability = torch.rand(encoding.num_channels, *spatial, generator=generator) ** 6 / encoding.num_channels
    probability.requires_grad_()
    sample = DecodeMaskd("mean", encoding, threshold="expected_dice")({"mean": probability})
    assert sample["threshold"] == {"rule": "expected_dice", "value": 0.2, "origin": "given"}
    maps = encoding.thresholded(probability).detach().numpy()
    slices = [maps] if len(spatial) == 2 else list(np.moveaxis(maps, 3, 0))
    masks = [torch.from_numpy(above(part, ExpectedDiceThreshold())) for part in slices]
    expected = encoding.paint(masks[0] if len(spatial) == 2 else torch.stack(masks, -1), probability)
    assert torch.equal(sample["mask"], expected) and 0 < (expected > 0).float().mean() < 1
    path = tmp_path / "threshold.json"
    path.write_text(json.dumps({"value": 0.999, "origin": "given", "rule": "expected_dice"}), encoding="utf-8")
    from_file = DecodeMaskd("mean", encoding, threshold="auto", threshold_file=path)({"mean": probability})
    assert from_file["threshold"]["value"] == 0.999 and not from_file["mask"].any()


def test_slices_are_those_that_the_network_sees_however_the_volume_lies() -> None:
    """A sure lesion in one slice does not hide a doubtful one in the next."""
    probability = torch.zeros(1, 8, 8, 3)
    probability[0, 1:7, 1:7, 0], probability[0, 2:4, 2:4, 1] = 0.95, 0.3
    axes = (3, 1, 2)  # the slices come first, upside down
    affine = torch.tensor([[0.0, 1, 0, 0], [0, 0, 1, 0], [-3, 0, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)
    turned = MetaTensor(probability.permute(0, *axes).flip(1), affine=affine)
    decode = DecodeMaskd("mean", MaskEncoding(), threshold="expected_dice")
    straight, lying = (decode({"mean": mean})["mask"] for mean in (probability, turned))
    assert torch.equal(straight > 0, probability > 0)
    assert torch.equal(lying.as_tensor(), straight.permute(0, *axes).flip(1))


def test_a_rule_was_chosen_for_no_weights(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    (tmp_path / "model.pt").write_bytes(b"others")
    note = {"value": 0.2, "origin": "given", "rule": "expected_dice", "model": {"file": "model.pt", "sha256": "0" * 64}}
    path = tmp_path / "threshold.json"
    path.write_text(json.dumps(note), encoding="utf-8")
    decode = DecodeMaskd("mean", MaskEncoding(), "mask", "auto", path, tmp_path / "model.pt")
    assert decode({"mean": MEAN})["threshold"]["origin"] == "given" and not recwarn.list
