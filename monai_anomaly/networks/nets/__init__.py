# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Networks, one per file."""

from __future__ import annotations

from .additive_generator import AdditiveGenerator
from .classifier_ensemble import ClassifierEnsemble
from .constrained_vae import ConstrainedVAE
from .cyclegan import CycleGANDiscriminator, CycleGANGenerator
from .deforming_generator import DeformingGenerator
from .descargan_discriminator import DeScarGANDiscriminator
from .descargan_generator import DeScarGANGenerator
from .fcn_critic import FCNCritic
from .guided_diffusion_net import GuidedDiffusionNet
from .image_classifier import ImageClassifier
from .inception_resnet import InceptionResNetV1
from .latent_center_classifier import LatentCenterClassifier
from .mask_diffusion_net import MaskDiffusionNet
from .noise_conditioned_encoder import NoiseConditionedEncoder
from .noise_level_channel import NoiseLevelChannel
from .segnet import SegNet
from .stargan import StarGANDiscriminator, StarGANGenerator
from .translation_gan import TranslationGAN

__all__ = [
    "AdditiveGenerator",
    "ClassifierEnsemble",
    "ConstrainedVAE",
    "CycleGANDiscriminator",
    "CycleGANGenerator",
    "DeScarGANDiscriminator",
    "DeScarGANGenerator",
    "DeformingGenerator",
    "FCNCritic",
    "GuidedDiffusionNet",
    "ImageClassifier",
    "InceptionResNetV1",
    "LatentCenterClassifier",
    "MaskDiffusionNet",
    "NoiseConditionedEncoder",
    "NoiseLevelChannel",
    "SegNet",
    "StarGANDiscriminator",
    "StarGANGenerator",
    "TranslationGAN",
]
