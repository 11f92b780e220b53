# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What comes with a call: targets, masks and labels, of images, slices and volumes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from monai_anomaly.diffusion import ClassifierGuidance, Guidance, RegressionGuidance, SegmentationGuidance
from monai_anomaly.inferers import MaskedResampling, TranslationInferer, TranslationScheme
from monai_anomaly.inferers.view import VIEWS
from monai_anomaly.utils import DataError

from .tiny_guided import CHANNELS, TinyClassifier, TinyDenoiser, images


class Regressor(nn.Module):
    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x).mean((1, 2, 3)) * (1 + timesteps / 1000)


class Segmenter(nn.Module):
    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return 4 * x.mean(1, keepdim=True) + timesteps[:, None, None, None] / 1000


class Tasks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.diffusion = TinyDenoiser()
        self.tasks = nn.ModuleDict({"size": Regressor(), "tumor": Segmenter(), "kind": TinyClassifier()})


@pytest.fixture
def network() -> Tasks:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Tasks().eval()


SIZE = RegressionGuidance(scale=500.0, task="size")
TUMOR = SegmentationGuidance(scale=50.0, task="tumor")
KIND = ClassifierGuidance(task="kind")
BOTH = {"size": SIZE, "tumor": TUMOR}


def inferer(guides: Any, **options: Any) -> TranslationInferer:
    scheme = {name: options.pop(name) for name in ("encoding_label", "decoding_label", "exact") if name in options}
    return TranslationInferer(guides, TranslationScheme(level=300, steps=4, **scheme), **options)


def masks(*shape: int) -> torch.Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(2)) > 0.6).float()


@pytest.mark.parametrize("size", [(8, 8), (7, 11)])
@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_each_image_is_led_to_its_own_target(network: Tasks, size: tuple[int, int], batch_size: int) -> None:
    x, targets = images(3, CHANNELS, *size), {"size": torch.tensor([0.3, -0.3, 0.0]), "tumor": masks(3, 1, *size)}
    together = inferer(BOTH, batch_size=batch_size)(x, network, targets=targets)
    for i in range(3):
        own = {name: v[i : i + 1] for name, v in targets.items()}
        alone = inferer(BOTH)(x[i : i + 1], network, targets=own)
        torch.testing.assert_close({k: v[i : i + 1] for k, v in together.items()}, alone, atol=1e-5, rtol=1e-5)
    other = inferer(BOTH)(x, network, targets={**targets, "size": targets["size"].flip(0)})
    assert (other["reconstruction"][0] - together["reconstruction"][0]).abs().max() > 0.01


@pytest.mark.parametrize("batch_size", [1, 3, 16])
@pytest.mark.parametrize("axis", [0, 2])
def test_volumes_are_their_slices_with_their_targets(network: Tasks, axis: int, batch_size: int) -> None:
    x, z, act = images(2, CHANNELS, 6, 7, 8), masks(2, 1, 6, 7, 8), masks(2, 1, 6, 7, 8)
    act.movedim(axis + 2, 0)[1:3] = 0  # nothing to do in these slices
    depth = x.shape[axis + 2]
    volume = torch.tensor([0.3, -0.2])
    each = torch.linspace(-0.4, 0.4, 2 * depth).reshape(2, depth)
    for size in (volume, each):
        given = {"targets": {"size": size, "tumor": z}, "masks": {"tumor": act, "size": act}}
        found = inferer(BOTH, slice_axis=axis, batch_size=batch_size)(x, network, **given)["reconstruction"]
        for i in range(2):
            sizes = size[i].expand(depth)
            for j in range(depth):
                cut = [v[i : i + 1].select(axis + 2, j) for v in (x, z, act)]
                expected = cut[0]
                if cut[2].any():
                    targets, where = {"size": sizes[j : j + 1], "tumor": cut[1]}, {"tumor": cut[2], "size": cut[2]}
                    expected = inferer(BOTH)(cut[0], network, targets=targets, masks=where)["reconstruction"]
                torch.testing.assert_close(found[i : i + 1].select(axis + 2, j), expected, atol=1e-5, rtol=1e-5)


def test_guide_with_a_mask_acts_there_alone(network: Tasks) -> None:
    """A diffusion network that looks at single pixels carries nothing out of the mask."""
    network.diffusion = nn.Identity()
    network.diffusion.forward = lambda x, timesteps: 0.3 * torch.sin(x)
    x, mask = images(2, CHANNELS, 8, 8), torch.zeros(2, 1, 8, 8)
    mask[..., 2:5, 3:6] = 1
    change = inferer({"size": SIZE})(x, network, targets={"size": 0.5}, masks={"size": mask})["map"]
    assert change[..., 2:5, 3:6].min() > 1e-3 and (change * (1 - mask)).max() < 1e-5


@pytest.mark.parametrize("views", [2, 8])
def test_targets_and_masks_are_seen_as_the_images_are(network: Tasks, views: int) -> None:
    x, z, act = images(2, CHANNELS, 8, 11), masks(2, 1, 8, 11), masks(2, 1, 8, 11)
    translate = inferer({"tumor": TUMOR}, views=views, divisor=1)
    as_it_is = translate(x, network, targets={"tumor": z}, masks={"tumor": act})["reconstruction"]
    for view in VIEWS[views][1:]:
        there = translate(view(x), network, targets={"tumor": view(z)}, masks={"tumor": view(act)})["reconstruction"]
        torch.testing.assert_close(view.undo(there), as_it_is, atol=1e-5, rtol=1e-5)
    astray = translate(x, network, targets={"tumor": z.flip(2)}, masks={"tumor": act})["reconstruction"]
    assert (astray - as_it_is).abs().max() > 1e-3


@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_guide_acts_on_the_inputs_that_are_said(network: Tasks, batch_size: int) -> None:
    x = images(3, CHANNELS, 8, 8)
    targets = {"size": torch.tensor([0.3, -0.3, 0.2]), "tumor": masks(3, 1, 8, 8)}
    acting = {"size": torch.tensor([1, 0, 0]), "tumor": torch.tensor([False, True, False])}
    together = inferer(BOTH, batch_size=batch_size)(x, network, targets=targets, acting=acting)["reconstruction"]
    size = inferer({"size": SIZE})(x[:1], network, targets={"size": targets["size"][:1]})["reconstruction"]
    tumor = inferer({"tumor": TUMOR})(x[1:2], network, targets={"tumor": targets["tumor"][1:2]})["reconstruction"]
    none = inferer({})(x[2:], network)["reconstruction"]
    torch.testing.assert_close(together, torch.cat([size, tumor, none]), atol=1e-5, rtol=1e-5)


def test_sets_of_guides_share_an_encoding_and_their_targets(network: Tasks) -> None:
    x, size = images(2, CHANNELS, 8, 8), torch.tensor([0.3, -0.2])
    sets: list[dict[str, Guidance]] = [{"size": SIZE}, {}, {"size": SIZE, "kind": KIND}]
    translate = inferer(sets)
    found = translate(x, network, targets={"size": size})
    calls = network.diffusion.calls
    assert tuple(found) == translate.fields and calls == 5 + 3 * 4
    for tail, guides in zip(("", "_1", "_2"), sets, strict=True):
        given = {"targets": {"size": size}} if guides else {}
        alone = inferer(guides)(x, network, **given)["reconstruction"]
        torch.testing.assert_close(found[f"reconstruction{tail}"], alone, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found["reconstruction_1"], x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("refinement", [None, MaskedResampling(0.0)])
def test_labels_of_the_call_are_in_place_of_the_schemes(network: Tasks, refinement: MaskedResampling | None) -> None:
    x = images(3, CHANNELS, 8, 8)
    call = {"labels": (torch.tensor([0, 1, 0]), torch.tensor([[1], [1], [0]]))}
    found = inferer({}, encoding_label=0, refinement=refinement, batch_size=2)(x, network, **call)
    for i, (there, back) in enumerate(((0, 1), (1, 1), (0, 0))):
        own = inferer({}, encoding_label=there, decoding_label=back, refinement=refinement)(x, network)
        torch.testing.assert_close(found["reconstruction"][i], own["reconstruction"][i], atol=1e-5, rtol=1e-5)
    half = inferer({}, encoding_label=0, refinement=refinement)(x, network, labels=(None, call["labels"][1]))
    torch.testing.assert_close(half["reconstruction"][::2], found["reconstruction"][::2], atol=1e-5, rtol=1e-5)


def test_a_guide_of_three_lines_needs_no_network(network: Tasks) -> None:
    class Brightness(Guidance):
        def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
            return -(self.target - x.flatten(1).mean(1)).square() / 2

    x, target = images(2, CHANNELS, 8, 8), torch.tensor([0.4, -0.4])
    found = inferer({"light": Brightness(scale=5000.0)})(x, network, targets={"light": target})["reconstruction"]
    torch.testing.assert_close(found.flatten(1).mean(1), target, atol=0.1, rtol=0)


def test_one_step_has_the_targets_too(network: Tasks) -> None:
    x, size = images(2, CHANNELS, 8, 8), torch.tensor([0.3, -0.2])
    one, other = (inferer({"size": SIZE}).one_step(x, network, targets={"size": t}) for t in (size, size.flip(0)))
    alone = inferer({"size": SIZE}).one_step(x[:1], network, targets={"size": size[:1]})
    torch.testing.assert_close(one[:1], alone)
    assert not torch.allclose(one, other)


def test_a_call_leaves_nothing_behind(network: Tasks) -> None:
    translate, x = inferer({"size": RegressionGuidance(0.1, scale=500.0, task="size")}), images(2, CHANNELS, 8, 8)
    before = translate(x, network)
    translate(x, network, targets={"size": torch.tensor([0.5, 0.6])})
    torch.testing.assert_close(translate(x, network), before, rtol=0, atol=0)


Z = masks(2, 1, 8, 8)
BAD: list[tuple[dict[str, Guidance], dict[str, Any], str]] = [
    ({"age": RegressionGuidance(0.1, task="age")}, {}, "guide 'age': expected a network with the task 'age', found the "
     "tasks kind, size, tumor"),
    (BOTH, {"targets": {"age": torch.zeros(2)}}, "of the guides size, tumor, found 'age'"),
    (BOTH, {"targets": {"tumor": Z}}, "guide 'size': expected a target, a direction"),
    ({"size": SIZE}, {"targets": {"size": torch.zeros(3)}}, r"the target of size to fit images.* shape \(3,\)"),
    ({"size": SIZE}, {"targets": {"size": torch.tensor([0.1, float("nan")])}}, "guide 'size': expected a finite"),
    ({"tumor": TUMOR}, {"targets": {"tumor": Z[..., :7]}}, r"the target of tumor.* shape \(2, 1, 8, 7\)"),
    ({"tumor": TUMOR}, {"targets": {"tumor": -Z}}, r"guide 'tumor': expected a desired mask of values in 0\.\.1"),
    ({"kind": KIND}, {"targets": {"kind": torch.tensor([0, 2])}}, r"the class 2 .* found 0\.\.1"),
    ({"kind": KIND}, {"masks": {"kind": Z * torch.tensor([1.0, 0.0])[:, None, None, None]}}, "mask of kind, found none "
     "in image 1"),
    ({"kind": KIND}, {"masks": {"kind": torch.ones(2)}}, "guide 'kind': expected a mask to act in"),
    ({"kind": KIND}, {"labels": (torch.tensor([0.5, 1.0]), None)}, r"encoding labels that are whole numbers"),
    ({"kind": KIND}, {"labels": (None, torch.zeros(3))}, r"the decoding labels to fit images"),
]  # fmt: skip


@pytest.mark.parametrize(("guides", "given", "message"), BAD)
def test_what_does_not_fit_is_one_clear_line(
    network: Tasks, guides: dict[str, Guidance], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        inferer(guides)(images(2, CHANNELS, 8, 8), network, **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("guides", [[], {"size": "regression"}])
def test_guides_that_are_none_are_refused(guides: Any) -> None:
    with pytest.raises(ValueError, match=r"guides must be .* got .*(empty|'regression')"):
        inferer(guides)


def test_slices_in_which_no_guide_acts_are_left_alone(network: Tasks) -> None:
    """They are not translated at all, which the solver's drift without exact inversion would show."""
    x, act = images(1, CHANNELS, 8, 8, 5), torch.zeros(1, 1, 8, 8, 5)
    act[..., 1:3] = 1
    targets = {"size": torch.tensor([0.3]), "tumor": masks(1, 1, 8, 8, 5)}

    def changed(**given: Any) -> list[bool]:
        made = inferer(BOTH, exact=False)(x, network, targets=targets, **given)["reconstruction"]
        return [not torch.equal(made[..., i], x[..., i]) for i in range(5)]

    acting = torch.tensor([[0, 0, 1, 1, 0]])
    assert changed(masks={"tumor": act}) == [True] * 5  # the other guide acts everywhere
    assert changed(masks={"tumor": act, "size": act}) == [False, True, True, False, False]
    assert changed(masks={"tumor": act}, acting={"size": acting}) == [False, True, True, True, False]
    assert changed(masks={"tumor": act}, acting={"size": acting, "tumor": acting}) == [False, False, True, True, False]
