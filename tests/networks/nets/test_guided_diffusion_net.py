# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
import torch
import torch.distributed as dist
from monai.bundle import verify_net_in_out
from monai.networks.nets import DiffusionModelUNet
from monai.utils import ensure_tuple

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
    """A denoiser with a classifier, a regressor and a segmenter, none of which starts at zero."""
    torch.manual_seed(0)
    network = GuidedDiffusionNet(
        DiffusionModelUNet(num_class_embeds=num_class_embeds, **UNET),
        classifier=NoiseConditionedEncoder(**ENCODER),
        size=NoiseConditionedEncoder(**{**ENCODER, "out_channels": 1}),
        tumor=DiffusionModelUNet(**{**UNET, "out_channels": 1}),
        **kwargs,
    )
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return network.eval()


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.uint8])
@pytest.mark.parametrize("num_class_embeds", [None, 3])
def test_one_forward_gives_what_the_networks_give(num_class_embeds, dtype):
    network = build(num_class_embeds)
    x, t, y = torch.randn(2, 2, 16, 24), torch.tensor([3.0, 800.0]), torch.tensor([0, 2])
    found = network(x, t, y.to(dtype)[:, None])
    labels = {} if num_class_embeds is None else {"class_labels": y}
    assert list(found) == ["diffusion", "classifier", "size", "tumor"]
    assert torch.equal(found["diffusion"], network.diffusion(x, t, **labels))
    for name, task in network.tasks.items():
        assert torch.equal(found[name], task(x, timesteps=t))
    assert [tuple(found[name].shape) for name in network.tasks] == [(2, 2), (2, 1), (2, 1, 16, 24)]


def test_weights_go_by_the_names_of_the_parts():
    network = build()
    assert {key.split(".")[0] for key in network.state_dict()} == {"diffusion", "classifier", "size", "tumor"}
    # what a network of a classifier alone has saved fits the same parts
    classifier = {k: v for k, v in network.state_dict().items() if k.startswith(("diffusion.", "classifier."))}
    GuidedDiffusionNet(network.diffusion, classifier=network.classifier).load_state_dict(classifier)


@pytest.mark.parametrize(
    "trained", [None, ["diffusion"], ["size"], "tumor", ["tumor", "size"], ["classifier", "diffusion"]]
)
def test_the_trained_parts_alone_are_run_and_learn(trained):
    network = build(trained=trained)
    names = {"diffusion", *network.tasks} if trained is None else set(ensure_tuple(trained))
    ran = []
    for name, part in network.named_children():
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
    found = network(torch.randn(2, 2, 16, 16), torch.tensor([3, 800]), torch.tensor([0, 2]))
    assert set(found) == set(ran) == names == set(network.trained)
    assert set(network.frozen_parts) == {*network.tasks, "diffusion"} - names
    sum(output.square().sum() for output in found.values()).backward()
    for key, parameter in network.named_parameters():
        part = key.split(".")[0]
        assert (parameter.grad is not None) == parameter.requires_grad == (part in names), key


@pytest.mark.skipif(not dist.is_available(), reason="torch was built without torch.distributed")
@pytest.mark.parametrize("trained", [None, ["size"]])
def test_trains_over_several_processes_without_a_search_for_unused_weights(tmp_path, trained):
    """A weight that is to learn and takes no part makes the second iteration fail."""
    network = build(trained=trained)
    dist.init_process_group("gloo", init_method=(tmp_path / "store").as_uri(), rank=0, world_size=1)
    try:
        wrapped = torch.nn.parallel.DistributedDataParallel(network)
        for _ in range(2):
            found = wrapped(torch.randn(2, 2, 16, 16), torch.tensor([3, 800]), torch.tensor([0, 2]))
            sum(output.square().sum() for output in found.values()).backward()
    finally:
        dist.destroy_process_group()
    assert all((p.grad is not None) == p.requires_grad for p in network.parameters())


def test_a_frozen_denoiser_needs_no_labels():
    network = build(trained=["size"])
    assert list(network(torch.randn(1, 2, 16, 16), torch.tensor([3]))) == ["size"]
    assert network(torch.randn(1, 2, 16, 16)).shape == (1, 1, 16, 16)  # the export view is as ever


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"export_timestp": 5}, TypeError, "'export_timestp', a torch.nn.Module, got int: an argument that does not"),
        ({"forward": torch.nn.Identity()}, ValueError, "cannot be called 'forward'"),
        ({"tasks": torch.nn.Identity()}, ValueError, "cannot be called 'tasks'"),
        ({"conditional": torch.nn.Identity()}, ValueError, "cannot be called 'conditional'"),
        ({"trained": ["sise"]}, ValueError, r"some of \['diffusion', 'classifier', 'size', 'tumor'\], got \['sise'\]"),
        ({"trained": []}, ValueError, r"must name some of .*, got \[\]"),
    ],
)
def test_parts_that_cannot_be_are_refused(kwargs, error, message):
    with pytest.raises(error, match=message):
        build(**kwargs)


def test_a_task_that_is_none_is_left_out():
    assert list(GuidedDiffusionNet(torch.nn.Identity(), size=None, age=torch.nn.Identity()).tasks) == ["age"]


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
        network = GuidedDiffusionNet(torch.nn.Conv2d(1, 1, 1), size=torch.nn.Conv2d(1, 1, 1))
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


def test_the_task_networks_take_images_of_their_own():
    network = build()
    x, own, t, s = torch.randn(2, 2, 16, 24), torch.randn(2, 2, 16, 24), torch.tensor([3.0, 800.0]), torch.zeros(2)
    y = torch.tensor([0, 2])
    found = network(x, t, y, task_image=own, task_timesteps=s)
    torch.testing.assert_close(found["diffusion"], network.diffusion(x, t, class_labels=y))
    torch.testing.assert_close(found["classifier"], network.classifier(own, s))
    torch.testing.assert_close(found["tumor"], network.tumor(own, s))
    for half in ({"task_image": own}, {"task_timesteps": s}):
        with pytest.raises(ValueError, match="must be given together"):
            network(x, t, y, **half)


@pytest.mark.parametrize("name", ["classifier", "size", "tumor"])
def test_clean_images_are_at_level_0(name):
    network = build()
    x = torch.randn(2, 2, 16, 16)
    expected = network.tasks[name](x, torch.zeros(2))
    assert torch.equal(network.apply_task(name, x), expected)
    assert name != "classifier" or torch.equal(network.classify(x), expected)


def test_a_network_without_the_asked_task_says_which_it_has():
    network = GuidedDiffusionNet(torch.nn.Identity(), size=torch.nn.Identity())
    with pytest.raises(ValueError, match=r"a task network 'classifier', found one with \['size'\]"):
        network.classify(torch.rand(1, 1, 4, 4))


UNET_BRATS = {"channels": (128, 128, 256, 256, 512, 512), "attention_levels": (False,) * 4 + (True, False)}
UNET_FACES = {"channels": (128, 128, 256, 384, 512), "attention_levels": (False, False, False, True, False)}
ENCODER_FACES = {
    **{"in_channels": 3, "out_channels": 1, "channels": (128, 128, 256, 384, 512), "input_size": 128},
    "attention_levels": (False, False, True, True, True),
}


@pytest.mark.parametrize(
    ("build_part", "count"),
    [
        (lambda: paper_unet(4, 1, UNET_BRATS), 113_672_065),
        (lambda: paper_unet(4, 8, UNET_BRATS, num_class_embeds=2), 113_681_160),
        (lambda: NoiseConditionedEncoder(in_channels=4, out_channels=1), 5_452_833),
        (lambda: paper_unet(3, 6, UNET_FACES), 85_606_150),
        (lambda: NoiseConditionedEncoder(**ENCODER_FACES), 67_061_121),
    ],
)
def test_networks_of_the_thesis_have_its_numbers_of_parameters(build_part, count):
    """Chapter 8; its "113,681,160 for the segmentation model" is that of the diffusion model."""
    with torch.device("meta"):
        network = GuidedDiffusionNet(torch.nn.Identity(), task=build_part())
    assert sum(p.numel() for p in network.parameters()) == count


def paper_unet(inputs, outputs, levels, **kwargs):
    heads = {"num_head_channels": levels["channels"], "num_res_blocks": 2}
    return DiffusionModelUNet(2, inputs, outputs, **levels, **heads, **kwargs)
