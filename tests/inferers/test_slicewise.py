# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What all inferers have from their base; the tests of each go into its slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, FlattenSubKeysd, Flipd, Invertd, SpatialPadd
from torch import nn

from monai_anomaly.inferers import ReconstructionInferer, Results, SlicewiseMapInferer, SlicewiseReconstructionInferer


class Brightness(SlicewiseMapInferer):
    """Maps the first channel."""

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        return {"map": network(self.pad(x))[:, :1]}


class Numbers(SlicewiseReconstructionInferer):
    """Two reconstructions: the number of the slice, and ten times it."""

    @property
    def num_maps(self) -> int:
        return 2

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> list[torch.Tensor]:
        numbers = torch.ones_like(x) * torch.tensor(index)[:, None, None, None]
        return [numbers, 10 * numbers]


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("inferer", [Brightness(divisor=4), ReconstructionInferer(divisor=4)])
@pytest.mark.parametrize("shape", [(2, 3, 6, 7), (1, 3, 6, 7, 3)])
def test_metadata_of_the_input_is_on_the_result(inferer: SlicewiseMapInferer, shape: tuple[int, ...]) -> None:
    x = images(*shape)
    tracked = MetaTensor(x.clone(), affine=torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0])), meta={"site": "A"})
    result, plain = inferer(tracked, nn.Identity()), inferer(x, nn.Identity())
    for name, values in result.items():
        assert isinstance(values, MetaTensor) and torch.equal(values.affine, tracked.affine)
        assert values.meta["site"] == "A"
        assert type(plain[name]) is torch.Tensor and torch.equal(values.as_tensor(), plain[name])
    assert torch.equal(tracked.as_tensor(), x)


@pytest.mark.parametrize("collated", [True, False])
def test_fields_can_be_taken_back_to_the_input_grid(collated: bool) -> None:
    """By MONAI's own transforms: of a loader's batch, and of one image with its metadata, as in MONAI Label."""
    x, affine = images(2, 6, 8, 3), torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))
    preprocessing = Compose([SpatialPadd("image", (8, 8, 4)), Flipd("image", spatial_axis=0)])
    sample = preprocessing({"image": MetaTensor(x, affine=affine, meta={"filename_or_obj": "a.nii.gz"})})
    batch = list_data_collate([sample])["image"] if collated else sample["image"][None]
    (sample["pred"],) = decollate_batch(ReconstructionInferer()(batch, nn.Identity()))
    sample = FlattenSubKeysd("pred")(sample)
    back = Invertd(["map", "reconstruction"], preprocessing, orig_keys="image", nearest_interp=False)(sample)
    assert "pred" not in back and not back["map"].any()
    torch.testing.assert_close(back["reconstruction"].as_tensor(), x)
    for name in ("map", "reconstruction"):
        assert torch.equal(back[name].affine, affine) and back[name].meta["filename_or_obj"] == "a.nii.gz"


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_every_slice_knows_its_number_and_every_map_its_reconstruction(batch_size: int) -> None:
    x = images(5, 2, 4, 4)
    x[1] = 0.5  # left out, yet counted
    result = Numbers(data_range=1.0, batch_size=batch_size, divisor=8)(x, None)
    for tail, factor in (("", 1), ("_1", 10)):
        anomaly_map, reconstruction = result[f"map{tail}"], result[f"reconstruction{tail}"]
        for i in (0, 2, 3, 4):
            assert (reconstruction[i] == factor * i).all()
            torch.testing.assert_close(anomaly_map[i, 0], (x[i] - factor * i).abs().sum(0))
        assert not anomaly_map[1].any() and (reconstruction[1] == 0.5).all()


def test_padding_has_no_part_in_a_smooth_map() -> None:
    x = images(1, 2, 5, 6)
    padded, plain = (Numbers(smoothing=1.0, divisor=d)(x, None) for d in (8, 1))
    torch.testing.assert_close(padded, plain, rtol=0, atol=0)


def test_progress_bar_counts_the_batches(capsys: pytest.CaptureFixture[str]) -> None:
    Brightness(batch_size=2, progress=True)(images(5, 1, 4, 4), nn.Identity())
    assert "/3" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(2, 8, 8), (1, 2, 2, 2, 2, 2)])
def test_other_ranks_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N, C, H, W"):
        Brightness()(images(*shape), nn.Identity())
