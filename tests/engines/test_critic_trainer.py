# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.engines.utils import IterationEvents
from monai.handlers import StatsHandler, TensorBoardStatsHandler
from monai.utils import AdversarialIterationEvents as Adversarial
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from monai_anomaly.losses import TranslationCriticLoss, TranslationGeneratorLoss

from .critic_training import SIZE, CriticTraining, tiny_gan

ONCE = [IterationEvents[f"{name}_COMPLETED"] for name in ("FORWARD", "LOSS", "BACKWARD", "MODEL")]
OF = {
    network: [Adversarial[f"{network}_{what}_COMPLETED"] for what in ("LOSS", "BACKWARD", "MODEL")]
    for network in ("DISCRIMINATOR", "GENERATOR")
}
TERMS = {"d_adv", "d_gp", "d_cls"}, {"g_adv", "g_cls", "g_rec", "g_id"}


def watch(training: CriticTraining, event: Any, do: Any) -> None:
    training.trainer.add_event_handler(event, do)


def parts(training: CriticTraining) -> list[dict[str, torch.Tensor]]:
    """Weights of the generator and of the discriminator."""
    weights = training.weights()
    return [{k: v for k, v in weights.items() if k.startswith(name)} for name in ("generator", "discriminator")]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, b[name]) for name, value in a.items())


@pytest.mark.parametrize("n_critic", [1, 2, 3, 5])
def test_updates_of_both_networks(n_critic: int) -> None:
    """The critic in each of the six iterations, the generator in every n-th."""
    training, moved, before = CriticTraining(epochs=2, n_critic=n_critic), [], []
    watch(training, Events.ITERATION_STARTED, lambda engine: before.append(parts(training)))
    watch(
        training,
        Events.ITERATION_COMPLETED,
        lambda engine: moved.append([not same(a, b) for a, b in zip(before[-1], parts(training), strict=True)]),
    )
    training.run()
    assert moved == [[i % n_critic == 0, True] for i in range(1, 7)]


def test_events_in_their_order() -> None:
    training, fired = CriticTraining(n_critic=2), []
    for event in [*ONCE, *OF["DISCRIMINATOR"], *OF["GENERATOR"]]:
        watch(training, event, lambda engine, event=event: fired.append((engine.state.iteration, event)))
    training.run()
    critic, both = [*OF["DISCRIMINATOR"], *ONCE], [*OF["DISCRIMINATOR"], *OF["GENERATOR"], *ONCE]
    assert fired == [(i, event) for i, events in ((1, critic), (2, both), (3, critic)) for event in events]


def test_output() -> None:
    training, outputs = CriticTraining(n_critic=2), []
    watch(training, Events.ITERATION_COMPLETED, lambda engine: outputs.append(engine.state.output))
    training.run()
    for i, output in enumerate(outputs):
        assert output["image"].shape == output["pred"].shape == (4, 1, SIZE, SIZE)
        assert output["label"].shape == (4,) and output["label"].dtype == torch.long
        assert set(output["terms"]) == (TERMS[0] | TERMS[1] if i else TERMS[0])
        assert not any(v.requires_grad for v in [*output["terms"].values(), output["pred"], output["loss"]])
    first, second, third = outputs
    assert first["generator_loss"] is None and first["loss"] is first["discriminator_loss"]
    assert first["pred"] is first["image"]  # nothing was translated yet
    assert second["loss"] is second["generator_loss"] and not torch.equal(second["pred"], second["image"])
    assert third["loss"] is second["loss"] and third["pred"] is second["pred"]
    assert third["discriminator_loss"] is not second["discriminator_loss"]


@pytest.mark.parametrize("decollate", [False, True])
@pytest.mark.parametrize("targets", ["opposite", "healthy"])
def test_handlers_of_monai(tmp_path: Path, caplog: pytest.LogCaptureFixture, decollate: bool, targets: str) -> None:
    def pick(*keys: str) -> Any:
        return lambda output: {k: (output[0] if decollate else output)[k] for k in keys}

    def terms(output: Any) -> Any:
        return (output[0] if decollate else output)["terms"]

    handlers = [
        StatsHandler(output_transform=pick("loss", "discriminator_loss"), name="losses"),
        StatsHandler(output_transform=terms, name="terms"),
        StatsHandler(output_transform=lambda output: (output[0] if decollate else output)["generator_loss"]),
        TensorBoardStatsHandler(log_dir=str(tmp_path), output_transform=terms),
    ]
    losses = (TranslationGeneratorLoss(targets=targets), TranslationCriticLoss(targets=targets, lambda_cls=0))
    with caplog.at_level(logging.INFO):
        CriticTraining(handlers=handlers, decollate=decollate, losses=losses).run()
    board = EventAccumulator(str(tmp_path))
    board.Reload()
    found = {tag: [e.step for e in board.Scalars(tag)] for tag in board.Tags()["scalars"]}
    assert found == {
        **{name: [1, 2, 3] for name in TERMS[0] - {"d_cls"}},
        **{name: [2, 3] for name in TERMS[1]},
    }


def test_postprocessing_sees_samples() -> None:
    seen = []

    def keep(sample: dict[str, Any]) -> dict[str, Any]:
        seen.append(sample)
        return sample

    CriticTraining(decollate=True, postprocessing=keep).run()
    assert len(seen) == 12 and all(sample["pred"].shape == (1, SIZE, SIZE) for sample in seen)
    assert all(isinstance(value, float) for sample in seen for value in sample["terms"].values())


def test_a_network_that_only_judges_gets_no_gradients_and_none_is_frozen_afterward() -> None:
    training, found = CriticTraining(n_critic=1, epochs=2), Counter()
    generator, discriminator = training.network.generator, training.network.discriminator

    def gradients(network: nn.Module) -> list[torch.Tensor | None]:
        return [None if p.grad is None else p.grad.clone() for p in network.parameters()]

    def equal(a: list, b: list) -> bool:
        return all(x is y if x is None else torch.equal(x, y) for x, y in zip(a, b, strict=True))

    before: dict[str, list] = {}

    def remember(engine: Any) -> None:
        before.update(g=gradients(generator), d=gradients(discriminator))

    def judge(name: str, network: nn.Module) -> Any:
        def check(engine: Any) -> None:
            found[name, equal(before[name], gradients(network))] += 1
            remember(engine)

        return check

    watch(training, Events.ITERATION_STARTED, remember)
    watch(training, Adversarial.DISCRIMINATOR_BACKWARD_COMPLETED, judge("g", generator))
    watch(training, Adversarial.DISCRIMINATOR_MODEL_COMPLETED, remember)
    watch(training, Adversarial.GENERATOR_BACKWARD_COMPLETED, judge("d", discriminator))
    training.run()
    assert found == {("g", True): 6, ("d", True): 6}
    assert all(p.requires_grad for p in training.network.parameters())


def test_what_was_frozen_before_stays_so() -> None:
    training = CriticTraining(n_critic=1)
    frozen = [training.network.generator.down[0], training.network.discriminator.encoder[0]]
    for layer in frozen:
        layer.requires_grad_(False)
    before = training.weights()
    training.run()
    still = {id(p) for layer in frozen for p in layer.parameters()}
    assert all(p.requires_grad == (id(p) not in still) for p in training.network.parameters())
    moved = {name for name, value in training.weights().items() if not torch.equal(value, before[name])}
    assert moved == {name for name, p in training.network.named_parameters() if id(p) not in still}


def test_nothing_stays_frozen_after_an_error() -> None:
    class Fails(nn.Module):
        def forward(self, network: Any, image: torch.Tensor, label: torch.Tensor) -> dict[str, torch.Tensor]:
            raise RuntimeError("failed")

    training = CriticTraining(losses=(TranslationGeneratorLoss(), Fails()))
    with pytest.raises(RuntimeError, match="failed"):
        training.run()
    assert all(p.requires_grad for p in training.network.parameters())


@pytest.mark.parametrize(("norm", "after"), [("instance", 1), ("batch", 2)])
def test_interrupted_training_ends_with_the_same_bits(tmp_path: Path, after: int, norm: str) -> None:
    """Epochs of three iterations, the generator's turn in every second: it comes at other places of an epoch."""
    straight = CriticTraining(tmp_path / "straight", 3, network=tiny_gan(norm)).run()
    broken = CriticTraining(tmp_path / "broken", 3, network=tiny_gan(norm))
    watch(broken, Events.EPOCH_COMPLETED(once=after), lambda engine: engine.terminate())
    broken.run()
    assert not same(broken.weights(), straight.weights())
    resumed = CriticTraining(tmp_path / "broken", 3, network=tiny_gan(norm)).run()
    assert resumed.trainer.state.iteration == 9 and same(resumed.weights(), straight.weights())
    for a, b in zip(straight.optimizers, resumed.optimizers, strict=True):
        states = zip(a.state_dict()["state"].values(), b.state_dict()["state"].values(), strict=True)
        assert all(same(x, y) for x, y in states)


@pytest.mark.parametrize("options", [{"autocast": "bfloat16"}, {"amp": True, "autocast": "bfloat16"}])
def test_mixed_precision_is_close(options: dict[str, Any]) -> None:
    seen = []
    losses = []
    for extra in ({}, options):
        training = CriticTraining(epochs=2, **extra)
        types = set()
        for convolution in (m for m in training.network.modules() if isinstance(m, nn.Conv2d)):
            convolution.register_forward_hook(lambda module, args, output, types=types: types.add(output.dtype))
        training.run()
        seen.append(types)
        losses.append(training.trainer.state.output["terms"])
        assert all(v.isfinite().all() and v.dtype == torch.float32 for v in training.weights().values())
    # the penalty stays in float32
    assert seen == [{torch.float32}, {torch.float32, torch.bfloat16}]
    for name, value in losses[0].items():
        torch.testing.assert_close(losses[1][name], value, rtol=0.1, atol=0.05)


@pytest.mark.parametrize(("limit", "autocast"), [(1e-3, None), (None, None), (1e-3, "float16")])
def test_gradients_are_scaled_down_to_the_limit(limit: float | None, autocast: str | None) -> None:
    epochs = 8 if autocast else 1  # until the scale of float16 has settled
    training, norms = CriticTraining(epochs=epochs, n_critic=1, max_grad_norm=limit, autocast=autocast), []

    def measure(engine: Any) -> None:
        for part in (training.network.generator, training.network.discriminator):
            norms.append(torch.stack([p.grad.norm() for p in part.parameters() if p.grad is not None]).norm().item())

    watch(training, Events.ITERATION_COMPLETED, measure)
    training.run()
    assert len(norms) == 6 * epochs
    assert all(norm > 0.01 if limit is None else norm == pytest.approx(limit, rel=1e-2) for norm in norms[-6:])


def test_trains() -> None:
    """The reconstruction and the identity become better, and the classes are learned."""
    training = CriticTraining(epochs=12, rates=(1e-2, 1e-2), n_critic=1)
    terms: list[dict[str, float]] = []
    watch(
        training,
        Events.ITERATION_COMPLETED,
        lambda engine: terms.append({k: v.item() for k, v in engine.state.output["terms"].items()}),
    )
    training.run()
    for name in ("g_rec", "g_id", "d_cls"):
        assert sum(t[name] for t in terms[-6:]) < 0.7 * sum(t[name] for t in terms[:6]), name


def test_labels_of_another_type() -> None:
    data = [{"image": torch.rand(1, SIZE, SIZE), "label": float(i % 2)} for i in range(8)]
    assert CriticTraining(data=data).run().trainer.state.output["label"].dtype == torch.long


@pytest.mark.parametrize("n_critic", [0, -1])
def test_number_of_critic_iterations_is_checked(n_critic: int) -> None:
    with pytest.raises(ValueError, match=f"n_critic must be at least 1, got {n_critic}"):
        CriticTraining(n_critic=n_critic)
