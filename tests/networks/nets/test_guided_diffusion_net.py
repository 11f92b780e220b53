# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
import torch
from monai.bundle import verify_net_in_out
from monai.networks.nets import DiffusionModelUNet

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.networks.nets import GuidedDiffusionNet, NoiseConditionedEncoder
from tests.reference import load_reference

LEVELS = {
    "channels": [8, 16],
    "num_res_blocks": 1,
    "attention_levels": [False, True],
    "norm_num_groups": 4,
    "num_head_channels": 8,
}
UNET = {"spatial_dims": 2, "in_channels": 2, "out_channels": 4, **LEVELS}
ENCODER = {"spatial_dims": 2, "in_channels": 2, "out_channels": 2, "input_size": 16, **LEVELS}


def build(num_class_embeds: int | None = 3, **kwargs) -> GuidedDiffusionNet:
    torch.manual_seed(0)
    unet = DiffusionModelUNet(num_class_embeds=num_class_embeds, **UNET)
    network = GuidedDiffusionNet(unet, NoiseConditionedEncoder(**ENCODER), **kwargs)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return network.eval()


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.uint8])
@pytest.mark.parametrize("num_class_embeds", [None, 3])
def test_one_forward_gives_what_the_two_networks_give(num_class_embeds, dtype):
    network = build(num_class_embeds)
    x, t, y = torch.randn(2, 2, 16, 24), torch.tensor([3.0, 800.0]), torch.tensor([0, 2])
    noise, logits = network(x, t, y.to(dtype)[:, None])
    labels = {} if num_class_embeds is None else {"class_labels": y}
    assert torch.equal(noise, network.diffusion(x, t, **labels))
    assert torch.equal(logits, network.classifier(x, t))


def test_every_parameter_takes_part_in_the_training_forward():
    network = build()
    noise, logits = network(torch.randn(2, 2, 16, 16), torch.tensor([3, 800]), torch.tensor([0, 2]))
    (noise.square().sum() + logits.square().sum()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_a_conditional_denoiser_wants_labels():
    with pytest.raises(ValueError, match="class_labels"):
        build()(torch.randn(1, 2, 16, 16), torch.tensor([3]))


@pytest.mark.parametrize("label", [None, 0, 2])
def test_export_view_is_what_the_denoiser_takes_away(label):
    a = load_reference("01")["alphas_cumprod"][100]
    network, image = build(export_label=label), torch.randn(2, 2, 16, 24)
    labels = torch.tensor([2 if label is None else label] * 2)
    with torch.no_grad():
        eps = network.diffusion(image, torch.tensor([100, 100]), class_labels=labels)[:, :2]
        expected = (image - (image - (1 - a) ** 0.5 * eps) / a**0.5).abs().sum(1, keepdim=True).float()
        found = network(image)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_export_view_follows_the_schedule_and_keeps_nothing_of_it():
    schedule = NoiseSchedule(50, "cosine")
    network, plain = build(export_timestep=20, export_schedule=schedule), build(export_timestep=20)
    assert network.export_alpha_bar == schedule.alpha_bar(21) != plain.export_alpha_bar
    assert network.state_dict().keys() == plain.state_dict().keys()
    assert not any(isinstance(value, NoiseSchedule) for value in vars(network).values())
    with pytest.raises(ValueError, match=r"must be in 0\.\.49"):
        build(export_timestep=50, export_schedule=schedule)


def test_can_be_built_without_memory():
    with torch.device("meta"):
        network = GuidedDiffusionNet(torch.nn.Conv2d(1, 1, 1), torch.nn.Conv2d(1, 1, 1))
    assert network.export_alpha_bar == build().export_alpha_bar


@pytest.mark.parametrize("num_class_embeds", [None, 3])
def test_export_view_traces_and_the_trace_takes_other_sizes(num_class_embeds):
    network = build(num_class_embeds)
    traced = torch.jit.trace(network, torch.randn(1, 2, 16, 16), check_trace=True)
    image = torch.randn(3, 2, 32, 24)
    found = traced(image)
    assert found.shape == (3, 1, 32, 24)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, network(image), rtol=1e-4, atol=1e-5)


def test_passes_the_bundle_check(tmp_path):
    target = "monai_anomaly.networks.nets"
    network_def = {
        "_target_": f"{target}.GuidedDiffusionNet",
        "diffusion": {"_target_": "monai.networks.nets.DiffusionModelUNet", **UNET, "num_class_embeds": 2},
        "classifier": {"_target_": f"{target}.NoiseConditionedEncoder", **ENCODER},
    }
    image = {"num_channels": 2, "spatial_shape": [32, 32], "dtype": "float32", "value_range": [0, 1]}
    formats = {"inputs": {"image": image}, "outputs": {"pred": image | {"num_channels": 1}}}
    (tmp_path / "metadata.json").write_text(json.dumps({"network_data_format": formats}))
    (tmp_path / "inference.json").write_text(json.dumps({"network_def": network_def}))
    meta, config = str(tmp_path / "metadata.json"), str(tmp_path / "inference.json")
    verify_net_in_out("network_def", meta_file=meta, config_file=config, device="cpu")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"export_timestep": 1000}, r"export_timestep must be in 0\.\.999"), ({"export_label": 3}, r"must be in 0\.\.2")],
)
def test_refuses_an_export_setting_out_of_range(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_the_classifier_takes_images_of_its_own():
    network = build()
    x, own, t, s = torch.randn(2, 2, 16, 24), torch.randn(2, 2, 16, 24), torch.tensor([3.0, 800.0]), torch.zeros(2)
    y = torch.tensor([0, 2])
    output, logits = network(x, t, y, classifier_image=own, classifier_timesteps=s)
    torch.testing.assert_close(output, network.diffusion(x, t, class_labels=y))
    torch.testing.assert_close(logits, network.classifier(own, s))
    for half in ({"classifier_image": own}, {"classifier_timesteps": s}):
        with pytest.raises(ValueError, match="must be given together"):
            network(x, t, y, **half)


def test_classify_is_the_classifier_on_clean_images():
    network = build()
    x = torch.randn(2, 2, 16, 16)
    assert torch.equal(network.classify(x), network.classifier(x, torch.zeros(2)))
