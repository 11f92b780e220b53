# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The same weights and seed give the same result on CPU and GPU; in bfloat16 nearly the same."""

from __future__ import annotations

import pytest
import torch

from monai_anomaly.engines import CriticTrainer

from ..bundles.workflow import merged

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("bundle", ["diffseg", "diffanomaly", "descargan", "difftranslation"])
def test_cpu_and_cuda_agree(bundle: str) -> None:
    torch.manual_seed(0)
    config = merged(bundle, "train")
    image = torch.rand(4, len(config["channel_names"]), 56, 64) * 2 - 1
    lesion = torch.zeros(4, 1, 56, 64)
    lesion[..., 20:30, 30:40] = 1
    # not by size: its mask has an edge, which would magnify rounding
    given = {"targets": {"tumor": lesion}, "acting": {"size": torch.zeros(4)}} if bundle == "difftranslation" else {}
    network = config.get_parsed_content("network_def").eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))  # an untrained last layer gives an empty result
    results = {}
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for name, device, autocast in (
            ("cpu", "cpu", None),
            ("cuda", "cuda", None),
            ("bfloat16", "cuda", "bfloat16"),
        ):
            parser = merged(bundle, "train")
            parser["inferer"]["autocast"] = autocast
            made = parser.get_parsed_content("inferer")
            found = made(image.to(device), network.to(device), **given).values()
            results[name] = torch.cat([values.float().cpu().flatten(1) for values in found], dim=1)
    assert (results["cpu"] - results["cuda"]).abs().max() < 1e-3
    assert (results["cpu"] - results["bfloat16"]).abs().mean() < 0.1


def test_step_of_a_critic_and_its_generator_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is random is drawn on the CPU for all. A plain gradient step: Adam's makes much of nearly 0."""
    rand = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *size, device="cpu": rand(*size).to(device))
    monkeypatch.setattr(torch, "multinomial", lambda weights, n: weights.topk(n).indices)  # its draw would shift others
    images, labels = torch.rand(2, 1, 64, 64) * 2 - 1, torch.tensor([0, 1])  # each has one partner of its class
    runs = {}
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for name, device, autocast in (
            ("cpu", "cpu", None),
            ("cuda", "cuda", None),
            ("bfloat16", "cuda", "bfloat16"),
        ):
            torch.manual_seed(0)
            parser = merged("descargan", "train")
            parser["network_def#discriminator#dropout"] = 0.0
            network = parser.get_parsed_content("network_def").to(device)
            parts = (network.generator, network.discriminator)
            optimizers = [torch.optim.SGD(part.parameters(), 1e-3) for part in parts]
            losses = [parser.get_parsed_content(loss) for loss in ("loss", "critic_loss")]
            data = [{"image": images, "label": labels}]
            trainer = CriticTrainer(device, 1, data, network, *optimizers, *losses, n_critic=1, autocast=autocast)
            torch.manual_seed(1)
            trainer.run()
            terms = {key: value.item() for key, value in trainer.state.output["terms"].items()}
            runs[name] = terms, {key: value.cpu() for key, value in network.state_dict().items()}
    (terms, weights), (same, moved) = runs["cpu"], runs["cuda"]
    assert set(terms) == {"d_adv", "d_gp", "d_cls", "g_adv", "g_cls", "g_id", "g_change", "g_sparse"}
    assert same == pytest.approx(terms, rel=1e-3, abs=1e-3)
    assert all((moved[key] - value).abs().max() < 1e-3 for key, value in weights.items())
    assert runs["bfloat16"][0] == pytest.approx(terms, rel=0.1, abs=0.1)
