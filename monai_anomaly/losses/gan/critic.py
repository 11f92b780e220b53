# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch

from ...utils import one_of
from .gradient_penalty import GradientPenalty
from .least_squares import LeastSquaresCriticLoss
from .relativistic import RelativisticCriticLoss
from .targets import translation_targets
from .translation_loss import TranslationLoss
from .wasserstein import WassersteinCriticLoss

__all__ = ["TranslationCriticLoss"]

JUDGMENTS = {
    "wasserstein": WassersteinCriticLoss,
    "relativistic": RelativisticCriticLoss,
    "least_squares": LeastSquaresCriticLoss,
}


class TranslationCriticLoss(TranslationLoss):
    r"""Loss of the discriminator (thesis ch. 6, eqs. 1, 4 and 8),

    .. math::

        L_d = \lambda_{adv} L_{adv} + \lambda_{gp} L_{gp} + \lambda_{cls} E[-\log D_{cls}^c(r_c)].

    Eq. 1 puts the penalty inside of the adversarial loss, so that it would weigh 20 times 10; the published code gives
    it the weight 10 beside it, as here.

    With ``adversarial="relativistic"`` and a `ZeroCenteredPenalty` it is the loss of R3GAN, class by class.

    Args:
        lambda_adv: weight of the adversarial term.
        lambda_gp: weight of the gradient penalty; 0: it is not computed.
        lambda_cls: weight of the cross-entropy of real images; 0 for a critic that does not classify, or sees the
            healthy class only.
        targets: which translations are judged, see `translation_targets`.
        pairing: what the penalty mixes an artificial image with: ``"class"``, a real one of its class from the batch
            (eq. 1), or ``"own"``, the image it was made of (StarGAN and the published code).
        penalty: the gradient penalty; default: `GradientPenalty`.
        adversarial: ``"wasserstein"``, the thesis, ``"relativistic"``, or ``"least_squares"``, CycleGAN, without a
            penalty; the same in the generator's loss.
        penalty_interval: the penalty is taken of a batch with the probability of 1 to this number, and counts as many
            times: about every so many batches. Drawn, not counted, so that a resumed training repeats the broken one.

    Raises:
        ValueError: when ``targets``, ``pairing`` or ``adversarial`` is unknown, ``penalty_interval`` is below 1, or
            ``targets="healthy"``, which shows the discriminator no diseased image, comes with a weight of the classes.

    Example::

        critic = DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1), hidden=4)
        network = TranslationGAN(DeScarGANGenerator(channels=(2, 4)), critic)
        loss = TranslationCriticLoss()(network, torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))
        loss["loss"].backward()  # its terms: loss["adv"], loss["gp"], loss["cls"]
    """

    def __init__(
        self,
        lambda_adv: float = 20.0,
        lambda_gp: float = 10.0,
        lambda_cls: float = 5.0,
        targets: str = "opposite",
        pairing: str = "class",
        penalty: GradientPenalty | None = None,
        adversarial: str = "wasserstein",
        penalty_interval: int = 1,
    ) -> None:
        super().__init__(targets, adversarial)
        one_of("pairing", pairing, ("class", "own"))
        if targets == "healthy" and lambda_cls:
            raise ValueError(
                f"lambda_cls must be 0 with targets='healthy': there is one class to learn from; got {lambda_cls}"
            )
        if penalty_interval < 1:
            raise ValueError(f"penalty_interval must be at least 1, got {penalty_interval}")
        self.lambda_adv = lambda_adv
        self.lambda_gp = lambda_gp
        self.lambda_cls = lambda_cls
        self.pairing = pairing
        self.penalty_interval = penalty_interval
        self.judgment = JUDGMENTS[adversarial]()
        self.penalty = penalty or GradientPenalty()

    def forward(self, network: Any, image: torch.Tensor, label: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss and its terms.

        Args:
            network: has ``generator``, ``discriminator`` and ``healthy``, as `TranslationGAN`.
            image: real images (N, C, *spatial).
            label: their classes (N,), of int64.

        Returns:
            ``loss`` and, without gradients, its unweighted terms ``adv``, ``cls`` and ``gp``, as far as they have a
            weight and the batch has them; scalars.
        """
        rows, target = translation_targets(label, self.targets, network.healthy)
        with torch.no_grad():  # a batch may have nothing to translate, which generators cannot take
            fake = network.generator(image[rows], target) if len(rows) else image[rows]
        # VAGAN's critic knows healthy images only
        real = torch.nonzero(label == network.healthy)[:, 0] if self.targets == "healthy" else slice(None)
        size = len(image[real])

        judged, logits = network.discriminator(torch.cat([image[real], fake]), torch.cat([label[real], target]))
        terms = {"adv": self.judgment(judged[:size], judged[size:], label[real], target)}
        if self.lambda_gp and (self.penalty_interval == 1 or torch.rand(()).item() * self.penalty_interval < 1):
            partner, used = self._partners(label, rows, target)
            slope = self.penalty(lambda x: network.discriminator(x, target[used])[0], image[partner], fake[used])
            terms["gp"] = self.penalty_interval * slope
        if self.lambda_cls:
            terms["cls"] = self.classification(logits[:size], label[real])
        return self.total(terms)

    def _partners(
        self, label: torch.Tensor, rows: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The real image that each translation is mixed with, and which translations have one."""
        if self.pairing == "own":
            return rows, torch.arange(len(rows), device=rows.device)
        same = target[:, None] == label[None]
        used = torch.nonzero(same.any(1))[:, 0]
        return torch.multinomial(same[used].float(), 1)[:, 0] if len(used) else used, used
