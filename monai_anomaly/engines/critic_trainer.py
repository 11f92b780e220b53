# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from ignite.engine import Engine, EventEnum
from ignite.metrics import Metric
from monai.engines import Trainer, default_metric_cmp_fn, default_prepare_batch
from monai.engines.utils import IterationEvents
from monai.transforms import Transform
from monai.utils import AdversarialIterationEvents as Adversarial
from monai.utils import AdversarialKeys, convert_to_tensor
from monai.utils import CommonKeys as Keys
from torch.optim.optimizer import Optimizer
from torch.utils.data import DataLoader

from ..utils import autocast_dtype, frozen

__all__ = ["CriticTrainer"]


class CriticTrainer(Trainer):
    """Train a generator against a critic, which is updated several times as often.

    Every iteration updates the discriminator on a new batch, every ``n_critic``-th one after the first ``warmup`` the
    generator as well, on the same batch (Gulrajani et al., https://arxiv.org/abs/1704.00028, Algorithm 1; thesis ch.
    6). What is learned is up to the losses, so one trainer serves DeScarGAN, StarGAN, Fixed-Point GAN and VAGAN.
    MONAI's ``GanTrainer`` makes images of latent codes, and its ``AdversarialTrainer`` has neither critic steps nor
    losses that see images.

    ``engine.state.output`` holds ``image``, ``label``, ``pred`` (the translations of the generator's last update, of
    the batch it had then; before the first one the images themselves), ``loss`` (the generator's, as of its last
    update; before the first one the discriminator's), ``generator_loss`` (None before the first one),
    ``discriminator_loss`` and ``terms``, a dictionary of both losses' terms (``d_adv``, ``g_rec``, ...). Each
    iteration fires ``FORWARD_COMPLETED``, ``LOSS_COMPLETED``, ``BACKWARD_COMPLETED`` and ``MODEL_COMPLETED`` of
    ``IterationEvents`` once, at its end, and, as the networks are updated, the ``LOSS``, ``BACKWARD`` and
    ``MODEL_COMPLETED`` events that ``AdversarialIterationEvents`` has for each.

    Args:
        device: where to train.
        max_epochs: passes over the loader.
        train_data_loader: batches with ``image`` (N, C, *spatial) and ``label`` (N,).
        network: has ``generator`` and ``discriminator``, as `TranslationGAN`.
        g_optimizer: of the generator's parameters.
        d_optimizer: of the discriminator's.
        g_loss_function: called as ``loss(network, image, label)``; returns a dictionary with ``loss``, its terms, and
            the translations as ``fake``, e.g. `TranslationGeneratorLoss`.
        d_loss_function: the same for the discriminator, without ``fake``, e.g. `TranslationCriticLoss`.
        n_critic: iterations for each update of the generator.
        warmup: so many first iterations update the discriminator alone, by ``d_warmup_loss_function``; 0, the papers,
            for none. A training that starts from weights (``engine.state.pretrained``, see `TrainingState`) has none.
        d_warmup_loss_function: as ``d_loss_function``, e.g. `DiscriminatorClassLoss`, for a discriminator that knows
            the classes when the generator begins to learn of it; None: ``d_loss_function``.
        max_grad_norm: the gradients of each network are scaled down to this norm; None leaves them.
        epoch_length: iterations per epoch; None: the loader's.
        non_blocking: see `torch.Tensor.to`.
        prepare_batch: batch -> images and labels on the device.
        iteration_update: in place of the iteration above.
        postprocessing: transforms of the output, after each iteration.
        key_train_metric: name -> metric of the iterations.
        additional_metrics: the same.
        metric_cmp_fn: compares the key metric with the best before.
        train_handlers: handlers.
        amp: mixed precision, as ``autocast="auto"``.
        autocast: type of mixed precision, see `autocast_dtype`; wins over ``amp``. float16 scales the losses; the
            scales are not saved: a resumed training finds them again, and differs from an unbroken one in the last
            bits.
        event_names: further events.
        event_to_attr: attributes of the state that count events.
        decollate: split the output into samples for the transforms and metrics.
        optim_set_to_none: gradients become None in place of 0.
        to_kwargs: of `torch.Tensor.to`.

    Raises:
        ValueError: when ``n_critic`` is less than 1 or ``warmup`` less than 0.

    Example::

        critic = DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1))
        network = TranslationGAN(DeScarGANGenerator(channels=(2, 4)), critic)
        optimizers = [torch.optim.Adam(part.parameters()) for part in (network.generator, network.discriminator)]
        batches = [{"image": torch.rand(4, 1, 16, 16), "label": torch.tensor([0, 1, 0, 1])}] * 5
        losses = TranslationGeneratorLoss(), TranslationCriticLoss()
        trainer = CriticTrainer("cpu", 1, batches, network, *optimizers, *losses)
        trainer.run()  # five updates of the discriminator, one of the generator
    """

    def __init__(
        self,
        device: torch.device | str,
        max_epochs: int,
        train_data_loader: Iterable | DataLoader,
        network: torch.nn.Module,
        g_optimizer: Optimizer,
        d_optimizer: Optimizer,
        g_loss_function: Callable[..., dict[str, torch.Tensor]],
        d_loss_function: Callable[..., dict[str, torch.Tensor]],
        n_critic: int = 5,
        warmup: int = 0,
        d_warmup_loss_function: Callable[..., dict[str, torch.Tensor]] | None = None,
        max_grad_norm: float | None = None,
        epoch_length: int | None = None,
        non_blocking: bool = False,
        prepare_batch: Callable = default_prepare_batch,
        iteration_update: Callable[[Engine, Any], Any] | None = None,
        postprocessing: Transform | None = None,
        key_train_metric: dict[str, Metric] | None = None,
        additional_metrics: dict[str, Metric] | None = None,
        metric_cmp_fn: Callable = default_metric_cmp_fn,
        train_handlers: Sequence | None = None,
        amp: bool = False,
        autocast: str | None = None,
        event_names: list[str | EventEnum | type[EventEnum]] | None = None,
        event_to_attr: dict | None = None,
        decollate: bool = False,
        optim_set_to_none: bool = True,
        to_kwargs: dict | None = None,
    ) -> None:
        if n_critic < 1:
            raise ValueError(f"n_critic must be at least 1, got {n_critic}")
        if warmup < 0:
            raise ValueError(f"warmup must be at least 0, got {warmup}")
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            data_loader=train_data_loader,
            epoch_length=epoch_length,
            non_blocking=non_blocking,
            prepare_batch=prepare_batch,
            iteration_update=iteration_update,
            postprocessing=postprocessing,
            key_metric=key_train_metric,
            additional_metrics=additional_metrics,
            metric_cmp_fn=metric_cmp_fn,
            handlers=train_handlers,
            amp=False,  # of the base class: a scaler for CUDA, whatever the type
            event_names=[Adversarial, *(event_names or [])],
            event_to_attr=event_to_attr,
            decollate=decollate,
            to_kwargs=to_kwargs,
        )
        self.network = network
        self.g_optimizer = g_optimizer
        self.d_optimizer = d_optimizer
        self.g_loss_function = g_loss_function
        self.d_loss_function = d_loss_function
        self.n_critic = n_critic
        self.warmup = warmup
        self.d_warmup_loss_function = d_warmup_loss_function or d_loss_function
        self.max_grad_norm = max_grad_norm
        self.optim_set_to_none = optim_set_to_none
        self.decollate = decollate
        self.dtype = autocast_dtype(autocast or ("auto" if amp else None), torch.device(device))
        scaled = self.dtype is torch.float16
        self.g_scaler = torch.amp.GradScaler(torch.device(device).type, enabled=scaled)
        self.d_scaler = torch.amp.GradScaler(torch.device(device).type, enabled=scaled)
        self._generated: dict[str, torch.Tensor] = {}

    def run(self) -> None:  # type: ignore[override]
        """Train.

        Raises:
            ValueError: when the warm-up would last as long as the training.
        """
        with warnings.catch_warnings():
            # a schedule of the generator's rate also counts the iterations before its first update
            warnings.filterwarnings("ignore", "Detected call of .lr_scheduler.step", UserWarning)
            super().run()

    def _warmup(self, engine: Any) -> int:
        """Iterations of the discriminator alone: none for weights that know the classes."""
        if getattr(engine.state, "pretrained", None) is not None:
            return 0
        total = engine.state.max_epochs * engine.state.epoch_length
        if total <= self.warmup:
            raise ValueError(
                f"warmup must be less than the {total} iterations of the training, got {self.warmup}: the generator "
                "would learn nothing; lower --warmup or raise --epochs"
            )
        return self.warmup

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        """Update the discriminator and, when it is its turn, the generator; see the class for what is returned.

        Raises:
            ValueError: when there is no batch.
        """
        if batchdata is None:
            raise ValueError("Must provide batch data for current iteration.")
        image, label = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs)
        image, label = convert_to_tensor(image, track_meta=False), convert_to_tensor(label, track_meta=False).long()
        engine.state.output = {Keys.IMAGE: image, Keys.LABEL: label}
        engine.network.train()
        warmup = engine._warmup(engine)
        warm = engine.state.iteration <= warmup
        function = engine.d_warmup_loss_function if warm else engine.d_loss_function
        judged = self._update(engine, "discriminator", function, image, label)
        if not warm and (engine.state.iteration - warmup) % engine.n_critic == 0:
            self._generated = self._update(engine, "generator", engine.g_loss_function, image, label)
        terms = {f"d_{k}": v for k, v in judged.items() if k != "loss"}
        terms |= {f"g_{k}": v for k, v in self._generated.items() if k not in ("loss", "fake")}
        if self.decollate:  # MONAI replicates scalars, but not those of a dictionary in it
            terms = {k: v.expand(len(image)) for k, v in terms.items()}
        engine.state.output |= {
            AdversarialKeys.DISCRIMINATOR_LOSS: judged["loss"],
            AdversarialKeys.GENERATOR_LOSS: self._generated.get("loss"),
            Keys.LOSS: self._generated.get("loss", judged["loss"]),
            Keys.PRED: self._generated.get("fake", image),
            "terms": terms,
        }
        for event in (
            IterationEvents.FORWARD_COMPLETED,
            IterationEvents.LOSS_COMPLETED,
            IterationEvents.BACKWARD_COMPLETED,
            IterationEvents.MODEL_COMPLETED,
        ):
            engine.fire_event(event)
        return engine.state.output

    def _update(
        self, engine: Any, name: str, function: Callable, image: torch.Tensor, label: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """One step of the generator's or the discriminator's optimizer; the loss and its terms, without gradients."""
        own = getattr(engine.network, name)
        other, optimizer, scaler = {
            "generator": (engine.network.discriminator, engine.g_optimizer, engine.g_scaler),
            "discriminator": (engine.network.generator, engine.d_optimizer, engine.d_scaler),
        }[name]
        events = [getattr(Adversarial, f"{name.upper()}_{what}_COMPLETED") for what in ("LOSS", "BACKWARD", "MODEL")]
        optimizer.zero_grad(set_to_none=engine.optim_set_to_none)
        with frozen(other):
            with torch.autocast(image.device.type, engine.dtype) if engine.dtype else nullcontext():
                result = function(engine.network, image, label)
            engine.fire_event(events[0])
            scaler.scale(result["loss"]).backward()
        engine.fire_event(events[1])
        if engine.max_grad_norm is not None:
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(own.parameters(), engine.max_grad_norm)
        scaler.step(optimizer)
        scaler.update()
        engine.fire_event(events[2])
        return {name: value.detach() for name, value in result.items()}
