# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from monai_anomaly.inferers import Encoding, MaskedResampling
from monai_anomaly.inferers.translation_scheme import DECODING, ENCODING, RESAMPLING
from monai_anomaly.inferers.view import VIEWS

from .tiny_guided import CHANNELS, TinyClassifier, TinyNet, images, inferer, translation


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("grid", ["uniform", "strided", "karras", "ddim50", (0, 20, 150, 400)])
@pytest.mark.parametrize("label", [None, 1])
def test_exact_inversion_without_guidance_gives_the_input_and_an_empty_map(
    network: TinyNet, order: int, grid: Any, label: int | None
) -> None:
    x = images(2, CHANNELS, 8, 8)
    result = inferer(scale=0.0, order=order, grid=grid, encoding_label=label)(x, network)
    assert result["map"].abs().max() < 1e-5
    torch.testing.assert_close(result["reconstruction"], x, atol=1e-5, rtol=0)


def test_inexact_inversion_drifts_and_guidance_changes_the_image(network: TinyNet) -> None:
    """What the test above would not notice: a network that is never asked."""
    x = images(1, CHANNELS, 8, 8)
    assert inferer(scale=0.0, exact=False, order=1)(x, network)["map"].max() > 1e-3
    assert inferer()(x, network)["map"].max() > 1e-3


def test_guidance_raises_the_probability_of_the_target(network: TinyNet) -> None:
    x = images(4, CHANNELS, 8, 8)

    def probability(image: torch.Tensor, target: int) -> torch.Tensor:
        return network.classifier(image, torch.zeros(len(image))).softmax(1)[:, target]

    for target in (0, 1):
        before = probability(x, target)
        after = probability(inferer(target=target)(x, network)["reconstruction"], target)
        assert (after > before).all()


def test_map_is_the_channels_sum_of_differences_in_units_of_the_range(network: TinyNet) -> None:
    x = images(2, CHANNELS, 8, 8)
    result = inferer(data_range=4.0)(x, network)
    torch.testing.assert_close(result["map"], (x - result["reconstruction"]).abs().sum(1, keepdim=True) / 4)


@pytest.mark.parametrize(
    "options", [{}, {"exact": False}, {"encoding": "noise", "decoding": "ancestral"}, {"scale": (1.0, 4.0)}]
)
def test_result_does_not_depend_on_the_batch_size(network: TinyNet, options: dict[str, Any]) -> None:
    x = images(5, CHANNELS, 8, 8)
    one, two, all_at_once = (inferer(batch_size=n, **options)(x, network) for n in (1, 2, 8))
    torch.testing.assert_close(one, all_at_once, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(two, all_at_once, atol=1e-5, rtol=1e-5)


def test_several_scales_in_one_call_are_the_single_calls(network: TinyNet) -> None:
    x = images(2, CHANNELS, 8, 8)
    scales = (0.0, 2.0, 5.0)
    together = inferer(scale=scales)(x, network)
    singly = [inferer(scale=s)(x, network) for s in scales]
    expected = {f"{name}{tail}": one[name] for one, tail in zip(singly, ("", "_1", "_2"), strict=True) for name in one}
    torch.testing.assert_close(together, expected, atol=1e-6, rtol=1e-6)
    assert inferer(scale=scales).fields == tuple(together) == tuple(expected)


@pytest.mark.parametrize(("height", "width"), [(7, 9), (8, 11), (1, 5)])
def test_odd_sizes_are_padded_for_the_network_only(network: TinyNet, height: int, width: int) -> None:
    seen = []
    network.diffusion.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[2:]))
    x = images(1, CHANNELS, height, width)
    result = inferer(scale=0.0, divisor=8)(x, network)
    assert result["map"].shape == (1, 1, height, width)
    assert all(s % 8 == 0 for size in seen for s in size)
    torch.testing.assert_close(result["reconstruction"], x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("exact", [True, False])
def test_number_of_network_evaluations_is_as_documented(network: TinyNet, exact: bool) -> None:
    inferer(steps=6, substeps=3, scale=(1.0, 2.0), exact=exact, batch_size=2)(images(2, CHANNELS, 8, 8), network)
    assert network.diffusion.calls == (7 if exact else 6) + 2 * 6  # several scales share one encoding
    assert network.classifier.calls == 2 * 6 * 3


def test_guide_sleeps_outside_its_interval(network: TinyNet) -> None:
    x = images(1, CHANNELS, 8, 8)
    result = inferer(interval=(400, 500))(x, network)  # above the level
    assert network.classifier.calls == 0 and result["map"].max() < 1e-5
    inferer(steps=6, substeps=1, interval=(100, 200))(x, network)  # levels 0, 50, ..., 300
    assert network.classifier.calls == 2


def test_labels_reach_the_diffusion_network(network: TinyNet) -> None:
    told = []
    network.diffusion.register_forward_pre_hook(
        lambda module, args, kwargs: told.append(kwargs.get("class_labels")), with_kwargs=True
    )
    x = images(2, CHANNELS, 8, 8)
    inferer(exact=False, steps=1, encoding_label=1)(x, network)
    inferer(exact=False, steps=1, encoding_label=1, decoding_label=0)(x, network)
    assert [t.tolist() for t in told] == [[1, 1], [1, 1], [1, 1], [0, 0]]
    told.clear()
    inferer()(x, network)
    assert told and all(t is None for t in told)


def test_clip_bounds_the_clean_images(network: TinyNet) -> None:
    x = images(1, CHANNELS, 8, 8)
    options = {"scale": 0.0, "exact": False, "encoding": "noise", "steps": 1, "level": 900}
    assert inferer(**options)(x, network)["reconstruction"].abs().max() > 1
    assert inferer(**options, clip=(-1, 1))(x, network)["reconstruction"].abs().max() <= 1 + 1e-5


def test_explicit_grids_of_the_published_code(network: TinyNet) -> None:
    x = images(1, CHANNELS, 8, 8)
    translate = inferer(grid=[0, 50, 100], decoding_grid=[100, 50, 0], exact=True, order=1)
    assert not translate.scheme.exact  # an own grid for decoding cannot undo the encoding's
    torch.testing.assert_close(
        translate(x, network), inferer(grid=[0, 50, 100], exact=False, order=1)(x, network), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("scale", [np.float32(3), np.array([3.0]), torch.tensor(3.0), [3]])
def test_scale_is_any_number(network: TinyNet, scale: Any) -> None:
    x = images(1, CHANNELS, 8, 8)
    torch.testing.assert_close(inferer(scale=scale)(x, network), inferer(scale=3.0)(x, network), rtol=0, atol=0)


@pytest.mark.parametrize("steps", [1, 3, 30])
def test_change_of_label_does_as_much_at_any_number_of_steps(steps: int) -> None:
    """eps = 0.05 y, told 1 up and 0 down; with one step it did nothing."""
    network = SimpleNamespace(
        diffusion=lambda x, timesteps, class_labels: 0.05 * class_labels[:, None, None, None] + 0 * x,
        tasks={"classifier": TinyClassifier()},
    )
    x = images(1, CHANNELS, 8, 8)
    options = {"scale": 0.0, "steps": steps, "encoding_label": 1, "decoding_label": 0}
    exact, plain = (inferer(exact=e, **options)(x, network)["reconstruction"] - x for e in (True, False))
    torch.testing.assert_close(exact, torch.full_like(x, 0.05 * inferer().scheme.schedule.sigma(300)))
    torch.testing.assert_close(exact, plain)


def test_noise_of_encoding_decoding_and_resampling_has_nothing_in_common() -> None:
    """The resampling's was that of the encoding (2^32 + seed is seed to torch), and slice 1 of seed 0 slice 0 of
    seed 1."""
    draws = {
        (seed, stream, i): inferer(seed=seed).noise(stream, [i])(torch.empty(1, 1, 64, 64)).flatten()
        for seed in (0, 1, 2**32)
        for stream in (ENCODING, DECODING, RESAMPLING)
        for i in range(2)
    }
    correlation = torch.corrcoef(torch.stack(list(draws.values()))) - torch.eye(len(draws))
    assert correlation.abs().max() < 0.08


def test_stochastic_variant_depends_on_the_seed_alone(network: TinyNet) -> None:
    x = images(2, CHANNELS, 8, 8)
    options = {"encoding": "noise", "decoding": "ancestral"}
    first = inferer(seed=3, **options)(x, network)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    torch.testing.assert_close(inferer(seed=3, **options)(x, network), first, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.allclose(inferer(seed=4, **options)(x, network)["map"], first["map"], atol=1e-3)


def test_images_of_one_call_get_different_noise(network: TinyNet) -> None:
    x = images(1, CHANNELS, 8, 8).expand(2, -1, -1, -1)
    result = inferer(encoding="noise", decoding="ancestral")(x, network)["map"]
    assert not torch.allclose(result[0], result[1], atol=1e-3)


def test_noise_encoding_is_the_forward_process(network: TinyNet) -> None:
    x = images(64, CHANNELS, 8, 8)
    translate = inferer(encoding="noise")
    denoiser = translate.denoiser(network, x, 0, {})
    latent = translate.scheme.encode(denoiser, x, partial(translate.noise, index=range(64))).latent
    signal = translate.scheme.schedule.alpha_bar(300) ** 0.5
    noise = (latent - signal * x) / (1 - signal**2) ** 0.5
    assert abs(float(noise.mean())) < 0.05 and abs(float(noise.std()) - 1) < 0.05


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_works_with_and_without_gradients_and_leaves_the_network_alone(network: TinyNet, mode: Any) -> None:
    x = images(1, CHANNELS, 8, 8)
    with mode():
        result = inferer()(x, network)
    assert not any(values.requires_grad for values in result.values())
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    torch.testing.assert_close(result, inferer()(x, network))


@pytest.mark.parametrize("shape", [(2, CHANNELS, 8, 8), (1, CHANNELS, 8, 8, 3)])
def test_input_is_untouched_and_its_metadata_is_on_the_result(network: TinyNet, shape: tuple[int, ...]) -> None:
    x = images(*shape)
    tracked = MetaTensor(x.clone(), affine=torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0])), meta={"site": "A"})
    seen = []
    network.diffusion.register_forward_pre_hook(lambda module, args: seen.append(type(args[0])))
    result = inferer()(tracked, network)
    for values in result.values():
        assert isinstance(values, MetaTensor) and torch.equal(values.affine, tracked.affine)
        assert values.meta["site"] == "A"
    assert torch.equal(tracked.as_tensor(), x)
    assert set(seen) == {torch.Tensor}  # no metadata is dragged through the loops
    plain = inferer()(x, network)
    assert {type(values) for values in plain.values()} == {torch.Tensor}
    torch.testing.assert_close({name: values.as_tensor() for name, values in result.items()}, plain)


def test_wrapped_network_is_unwrapped(network: TinyNet) -> None:
    x = images(1, CHANNELS, 8, 8)
    torch.testing.assert_close(inferer()(x, nn.DataParallel(network)), inferer()(x, network))


def test_thesis_setting_runs_and_returns_nearly_the_input_without_guidance(network: TinyNet) -> None:
    x = images(1, CHANNELS, 8, 8)
    thesis = {"level": 500, "steps": 500, "order": 1, "exact": False, "substeps": 1}
    result = translation(scale=(0.0, 1.0), **thesis)(x, network)
    assert network.diffusion.calls == 1500
    assert all(torch.isfinite(values).all() for values in result.values())
    coarse = translation(scale=0.0, **{**thesis, "steps": 10})(x, network)
    assert result["map"].max() < 0.2 * coarse["map"].max()


def test_unknown_precision_is_refused(network: TinyNet) -> None:
    with pytest.raises(ValueError, match="float8"):
        inferer(autocast="float8")(images(1, CHANNELS, 8, 8), network)


@pytest.mark.parametrize("shape", [(CHANNELS, 8, 8), (1, CHANNELS, 2, 2, 2, 2)])
def test_other_ranks_are_refused(network: TinyNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N, C, H, W"):
        inferer()(images(*shape), network)


def test_label_scale_acts_while_decoding_and_costs_a_second_evaluation_there(network: TinyNet) -> None:
    x, options = images(2, CHANNELS, 8, 8), {"scale": 0.0, "encoding_label": 1, "decoding_label": 0}
    changes = []
    for w, calls in ((0.0, 6 + 5), (2.0, 6 + 2 * 5)):
        network.diffusion.calls = 0
        changes.append(inferer(label_scale=w, **options)(x, network)["reconstruction"] - x)
        assert network.diffusion.calls == calls
    # the same way, further
    cosine = torch.nn.functional.cosine_similarity(*(c.flatten() for c in changes), dim=0)
    assert cosine > 0.9 and 2 < changes[1].norm() / changes[0].norm() < 4


@pytest.mark.parametrize("labels", [{}, {"encoding_label": 1}, {"encoding_label": 0, "decoding_label": 0}])
def test_with_one_label_the_label_scale_changes_nothing(network: TinyNet, labels: dict[str, int]) -> None:
    x = images(2, CHANNELS, 8, 8)
    results = (inferer(label_scale=w, **labels)(x, network) for w in (1.0, 0.0))
    torch.testing.assert_close(*results, rtol=0, atol=0)


@pytest.mark.parametrize("views", [2, 8])
def test_a_view_of_the_input_gives_the_same_view_of_the_result(network: TinyNet, views: int) -> None:
    x = images(2, CHANNELS, 16, 24)
    for translate, same in ((inferer(views=views), True), (inferer(), False)):
        for view in VIEWS[views][1:]:
            there, back = translate(view(x), network), translate(x, network)
            for name, values in there.items():
                assert torch.allclose(values, view(back[name]), atol=1e-5 if same else 1e-3) == same


def test_resampling_leaves_the_map_alone_and_brings_the_input_back_where_nothing_is_flagged(network: TinyNet) -> None:
    x = images(3, CHANNELS, 13, 18)  # padded for the network
    first = inferer(scale=(3.0, 3.3))(x, network)
    threshold = float(first["map"].median())
    resampling = MaskedResampling(threshold, margin=0, steps=2, samples=2)
    drawn = inferer(scale=(3.0, 3.3), refinement=resampling)(x, network)
    for tail in ("", "_1"):
        anomaly_map, reconstruction = drawn[f"map{tail}"], drawn[f"reconstruction{tail}"]
        torch.testing.assert_close(anomaly_map, first[f"map{tail}"])
        flagged = resampling.flagged(anomaly_map).expand_as(x) > 0
        assert 0.2 < flagged.float().mean() < 0.9
        torch.testing.assert_close(reconstruction[~flagged], x[~flagged])
        assert (reconstruction - x)[flagged].abs().mean() > 0.1


def test_resampling_has_its_share_in_the_map_which_says_what_is_kept(network: TinyNet) -> None:
    x = images(3, CHANNELS, 13, 18)

    def found(**options: Any) -> dict[str, torch.Tensor]:
        resampling = MaskedResampling(threshold, margin=0, steps=2, samples=2, **options)
        return inferer(scale=3.0, refinement=resampling)(x, network)

    threshold = float(inferer(scale=3.0)(x, network)["map"].median())
    first, drawn, half = (found(share=share) for share in (0.0, 1.0, 0.5))
    torch.testing.assert_close(half["map"], (first["map"] + drawn["map"]) / 2)
    changed = (x - drawn["reconstruction"]).abs().sum(1, keepdim=True)
    torch.testing.assert_close(drawn["map"] / changed.clamp(min=1e-6), (changed > 0) / 2.0, atol=1e-4, rtol=0)
    keep = float(drawn["map"].quantile(0.8))
    kept = found(share=1.0, keep=keep)
    inside = MaskedResampling(keep, margin=0).flagged(kept["map"]).expand_as(x) > 0
    assert 0 < inside.float().mean() < (changed > 0).float().mean()
    torch.testing.assert_close(kept["reconstruction"], torch.where(inside, drawn["reconstruction"], x))


def test_resampling_does_not_depend_on_the_batch_size_but_on_the_seed(network: TinyNet) -> None:
    x, options = images(5, CHANNELS, 16, 16), {"refinement": MaskedResampling(0.0)}
    whole = inferer(batch_size=5, **options)(x, network)
    torch.testing.assert_close(inferer(batch_size=2, **options)(x, network), whole)
    assert not torch.allclose(
        inferer(seed=1, **options)(x, network)["reconstruction"], whole["reconstruction"], atol=1e-3
    )


def test_border_leaves_the_rim_out_of_the_map_alone(network: TinyNet) -> None:
    x = torch.full((1, CHANNELS, 8, 8), -1.0)
    x[..., 2:6, 2:6] = 0.3 * images(1, CHANNELS, 4, 4)
    whole, inner = (inferer(border=b)(x, network) for b in (0, 1))
    assert torch.equal(whole["reconstruction"], inner["reconstruction"])
    assert torch.equal(inner["map"][:, 0].nonzero().amin(0)[1:], torch.tensor([3, 3]))
    torch.testing.assert_close(inner["map"][..., 3:5, 3:5], whole["map"][..., 3:5, 3:5])


@pytest.mark.parametrize(("label_scale", "calls"), [(0.0, 1), (1.0, 2)])
@pytest.mark.parametrize("decoding", ["ddim", "ancestral"])
def test_one_step_is_the_first_of_a_decoding(network: TinyNet, decoding: str, label_scale: float, calls: int) -> None:
    x, labels = images(2, CHANNELS, 8, 8), {"encoding_label": 1, "decoding_label": 0}
    options = {"encoding": "noise", "decoding": decoding, "label_scale": label_scale, "substeps": 3, **labels}
    step = inferer(**options).one_step(x, network)
    assert network.diffusion.calls == calls and network.classifier.calls == (3 if decoding == "ddim" else 1)
    whole = inferer(grid=[0, 300], **options)  # of one step alone
    assert not torch.allclose(step, x) and step.shape == x.shape and not step.requires_grad
    denoiser, guidance = whole.denoiser(network, x, 1, {}), whole.guidance(whole.guides[0], network, x, {})
    decoded = whole.scheme.decode(denoiser, Encoding(x), guidance, partial(whole.noise, index=range(2)))
    torch.testing.assert_close(whole.one_step(x, network), decoded.detach())
