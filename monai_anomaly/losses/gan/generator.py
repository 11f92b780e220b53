# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from monai.losses import DiffusionLoss
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from .image_distance import ImageDistance
from .least_squares import LeastSquaresGeneratorLoss
from .relativistic import RelativisticGeneratorLoss
from .targets import translation_targets
from .translation_loss import TranslationLoss
from .wasserstein import WassersteinGeneratorLoss

__all__ = ["TranslationGeneratorLoss"]

JUDGMENTS = {
    "wasserstein": WassersteinGeneratorLoss,
    "relativistic": RelativisticGeneratorLoss,
    "least_squares": LeastSquaresGeneratorLoss,
}


class TranslationGeneratorLoss(TranslationLoss):
    r"""Loss of the generator (thesis ch. 6, eqs. 2, 3, 5, 6 and 7),

    .. math::

        L_g = \lambda_{adv} L_{adv} + \lambda_{cls} E[-\log D_{cls}^{\bar c}(G_{\bar c}(r_c))]
              + \lambda_{rec} L_{rec} + \lambda_{id} L_{id} + \lambda_{change} E|G_{\bar c}(r_c) - r_c|.

    The last term is VAGAN's; the others are those of the thesis, whose weights are the defaults. A generator that moves
    images (`DeformingGenerator`) may have two more, of all images it makes of real ones: :math:`\lambda_{smooth}` times
    the mean squared slope of the displacement (MONAI's ``DiffusionLoss``), :math:`\lambda_{sparse}` times the mean
    absolute residual (SIT-GAN, MICCAI 2020). A term of weight 0 is not computed, except the adversarial one.

    Args:
        lambda_adv: weight of the adversarial term.
        lambda_cls: weight of the cross-entropy of the translations.
        lambda_rec: weight of the reconstruction, image -> target class -> own class.
        lambda_id: weight of the identity, image -> own class.
        lambda_change: weight of the mean absolute change (VAGAN's map).
        distance: of reconstruction and identity, see `ImageDistance`.
        targets: to which classes images are translated, see `translation_targets`.
        judge_identity: whether the translation to the own class, which ``lambda_id`` asks for, is judged, classified
            and reconstructed as well: Fixed-Point GAN (https://arxiv.org/abs/1908.06965), eqs. 1-6.
        lambda_smooth: weight of the slope of the displacement, which has no unit: voxels per voxel.
        lambda_sparse: weight of the residual.
        adversarial: ``"wasserstein"``, the thesis, ``"relativistic"``, or ``"least_squares"``, CycleGAN; the same in
            the critic's loss.

    Raises:
        ValueError: when ``distance``, ``targets`` or ``adversarial`` is unknown; in use, when the generator does not
            move images and one of the last two terms has a weight.

    Example::

        critic = DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1), hidden=4)
        network = TranslationGAN(DeScarGANGenerator(channels=(2, 4)), critic)
        loss = TranslationGeneratorLoss(lambda_rec=10.0)(network, torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))
        loss["loss"].backward()  # its terms: loss["adv"], loss["rec"], ...; the translations: loss["fake"]
    """

    def __init__(
        self,
        lambda_adv: float = 1.0,
        lambda_cls: float = 1.0,
        lambda_rec: float = 50.0,
        lambda_id: float = 50.0,
        lambda_change: float = 0.0,
        distance: str = "mse",
        targets: str = "opposite",
        judge_identity: bool = False,
        lambda_smooth: float = 0.0,
        lambda_sparse: float = 0.0,
        adversarial: str = "wasserstein",
    ) -> None:
        super().__init__(targets, adversarial)
        self.lambda_adv = lambda_adv
        self.lambda_cls = lambda_cls
        self.lambda_rec = lambda_rec
        self.lambda_id = lambda_id
        self.lambda_change = lambda_change
        self.judge_identity = judge_identity
        self.lambda_smooth = lambda_smooth
        self.lambda_sparse = lambda_sparse
        self.judgment: _Loss = JUDGMENTS[adversarial]()
        self.distance = ImageDistance(distance)
        self.roughness = DiffusionLoss()

    def forward(self, network: Any, image: torch.Tensor, label: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss and its terms.

        Args:
            network: has ``generator``, ``discriminator`` and ``healthy``, as `TranslationGAN`.
            image: real images (N, C, *spatial).
            label: their classes (N,), of int64.

        Returns:
            ``loss``, and without gradients its unweighted terms ``adv``, ``cls``, ``rec``, ``id``, ``change``,
            ``smooth`` and ``sparse`` as far as they have a weight and an image to take them of, scalars, and ``fake``,
            the translations (M, C, *spatial).
        """
        rows, target = translation_targets(label, self.targets, network.healthy)
        source, own = image[rows], label[rows]
        terms: dict[str, torch.Tensor] = {}
        if self.lambda_id:
            both = self._make(network.generator, torch.cat([source, image]), torch.cat([target, label]), terms)
            fake, same = both[: len(rows)], both[len(rows) :]
            terms["id"] = self.distance(image, same)
        else:
            fake = self._make(network.generator, source, target, terms) if len(rows) else source
        if self.lambda_id and self.judge_identity:
            fake, target = both, torch.cat([target, label])
            source, own = torch.cat([source, image]), torch.cat([own, label])
        if len(fake):  # VAGAN translates nothing of a batch without diseased images
            logits = self._judge(network.discriminator, fake, target, image, label, terms)
            if self.lambda_cls:
                terms["cls"] = self.classification(logits[: len(fake)], target)
            if self.lambda_rec:
                terms["rec"] = self.distance(source, network.generator(fake, own))
            if self.lambda_change:
                terms["change"] = F.l1_loss(fake.float(), source)
        result = self.total(terms)
        if not terms:
            result["loss"] = 0 * sum(p.sum() for p in network.generator.parameters())
        return {**result, "fake": fake.detach()}

    def _make(
        self, generator: Any, x: torch.Tensor, target: torch.Tensor, terms: dict[str, torch.Tensor]
    ) -> torch.Tensor:
        """The generator's images; the terms of how they were made are added."""
        if not (self.lambda_smooth or self.lambda_sparse):
            return generator(x, target)
        if not hasattr(generator, "deform"):
            raise ValueError(
                "lambda_smooth and lambda_sparse are for a generator that moves images, a DeformingGenerator; found "
                f"{type(generator).__name__}"
            )
        made, displacement, residual = generator.deform(x, target)
        if self.lambda_smooth:
            terms["smooth"] = self.roughness(displacement)
        if self.lambda_sparse:
            terms["sparse"] = residual.abs().mean()
        return made

    def _judge(
        self,
        discriminator: Any,
        fake: torch.Tensor,
        target: torch.Tensor,
        image: torch.Tensor,
        label: torch.Tensor,
        terms: dict[str, torch.Tensor],
    ) -> torch.Tensor:
        """The logits of the translations, and further ones behind them; the adversarial term is added."""
        if self.adversarial != "relativistic":
            judged, logits = discriminator(fake, target)
            terms["adv"] = self.judgment(judged)
        else:
            judged, logits = discriminator(torch.cat([fake, image.to(fake)]), torch.cat([target, label]))
            terms["adv"] = self.judgment(judged[len(fake) :], judged[: len(fake)], label, target)
        return logits
