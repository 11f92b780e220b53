# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any

import torch

from ..diffusion import Denoiser, Guidance, GuidanceOfSome, GuidanceSum, Noise, NoiseSource, SeededNoise
from ..utils import DataError, autocast_dtype, hashed_seed, listed, one_of
from .companions import Companions
from .resampling import MaskedResampling
from .slicewise import Results
from .slicewise_map import SlicewiseReconstructionInferer
from .translation_scheme import RESAMPLING, TranslationScheme
from .view import VIEWS

__all__ = ["TranslationInferer"]

Given = Mapping[str, torch.Tensor]


class TranslationInferer(SlicewiseReconstructionInferer):
    """Translate images to what guides ask for, by noise encoding and guided decoding (thesis ch. 7 and 8).

    An image is encoded to a noise level with the deterministic DDIM scheme, then decoded while the gradients of task
    networks lead it. What to lead to is the guides' part, how the scheme's. Toward the healthy class it is the anomaly
    detection of ch. 7; with a regressor or a segmenter a lesion grows, shrinks, appears or moves (ch. 8). Volumes are
    translated slice by slice. Stateless; the network comes with the call: its ``diffusion`` part, and in ``tasks`` the
    networks that the guides name (`GuidedDiffusionNet`). Slices of a volume in which, by what came with the call, no
    guide acts are left as they are. The result is ``{"map": (N, 1, ...), "reconstruction": (N, C, ...)}``; that of the
    second of several sets of guides is in ``map_1`` and ``reconstruction_1``, and so on.

    Args:
        guides: name -> guide, all of them at once; or a list of such sets, which share one encoding.
        scheme: the way there and back; None: `TranslationScheme` as it is.
        refinement: draws the flagged part of each reconstruction anew; unless it has a share in it, the map is that of
            the reconstruction before. None, the thesis, for none. It makes sense where the guides lead to the healthy
            class.
        views: how many views of a slice are translated, of which the mean is taken: 1, 2 (and its mirror image along
            the first spatial axis) or 8 (all symmetries of a square), for networks trained on images seen so; so many
            times the translation's cost.
        divisor: see `SlicewiseInferer`.
        autocast: see `autocast_dtype`.
        seed: of the noise, for the stochastic variants, the random start and the refinement, not negative; the noise of
            slice i of a call is that of (seed, i), whatever the batch size.
        noise_source: makes the noise of a batch from a seed for each image, once where the image is encoded and once
            where it is decoded; a test gives the noise of a published run.
        kwargs: see `SlicewiseReconstructionInferer` and `SlicewiseInferer`.

    Raises:
        ValueError: when there is no set of guides, what should be a guide is none, ``views`` is another number, or
            the seed is negative.

    Example::

        encoder = NoiseConditionedEncoder(2, 1, 2, (8, 8), 1, (False, False), 8, 8, pool="local")
        unet = DiffusionModelUNet(2, 1, 2, 1, (8, 8), (False, False), norm_num_groups=8, num_class_embeds=2)
        scheme = TranslationScheme(steps=4, encoding_label=1, decoding_label=0)
        inferer = TranslationInferer({"healthy": ClassifierGuidance(target=0, scale=20.0)}, scheme)
        found = inferer(torch.rand(2, 1, 16, 16), GuidedDiffusionNet(unet, classifier=encoder))
        found["map"], found["reconstruction"]
    """

    _given: Companions | None = None  # of a call, on a copy

    def __init__(
        self,
        guides: Mapping[str, Guidance] | Sequence[Mapping[str, Guidance]],
        scheme: TranslationScheme | None = None,
        refinement: MaskedResampling | None = None,
        views: int = 1,
        divisor: int = 8,
        autocast: str | None = None,
        seed: int = 0,
        noise_source: NoiseSource = SeededNoise,
        **kwargs: Any,
    ) -> None:
        super().__init__(divisor=divisor, **kwargs)
        self.guides = tuple(dict(s) for s in ([guides] if isinstance(guides, Mapping) else guides))
        if not self.guides:
            raise ValueError("guides must be a dictionary or a list of them, got an empty list")
        for name, guide in ((n, g) for guide_set in self.guides for n, g in guide_set.items()):
            if not isinstance(guide, Guidance):
                raise ValueError(f"guides must be objects of Guidance, got {guide!r} as {name!r}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        self.scheme = scheme or TranslationScheme()
        self.refinement = refinement
        self.views = one_of("views", views, VIEWS)
        self.autocast = autocast
        self.seed = seed
        self.noise_source = noise_source

    @property
    def num_maps(self) -> int:
        """S, one for each set of guides."""
        return len(self.guides)

    @property
    def asked(self) -> dict[str, list[Any]]:
        """The targets that the guides were made with, by name, one of each set of guides; None where there is none."""
        names = dict.fromkeys(name for guides in self.guides for name in guides)
        return {name: [guides[name].target for guides in self.guides if name in guides] for name in names}

    def __call__(
        self,
        inputs: torch.Tensor,
        network: Any,
        *args: Any,
        targets: Given | None = None,
        masks: Given | None = None,
        acting: Given | None = None,
        labels: tuple[Any, Any] = (None, None),
        **kwargs: Any,
    ) -> Results:
        """The translations of images (N, C, H, W) or volumes (N, C, X, Y, Z), see `SlicewiseInferer`.

        Args:
            inputs: the images or volumes.
            network: with ``diffusion`` and ``tasks``, in evaluation mode.
            args: not used.
            targets: name of a guide -> its targets for these inputs: numbers (N,), of volumes also one for each slice
                (N, D); or masks on the inputs' grid (N, K, ...), cut into slices as the inputs are.
            masks: name of a guide -> where it acts, (N, 1, ...) in [0, 1]; elsewhere its term is 0. It does not act in
                slices without a pixel.
            acting: name of a guide -> which inputs it guides, (N,) of 0 and 1, of volumes also (N, D); a guide that is
                not named guides all.
            labels: classes the diffusion network is told while encoding and while decoding, in place of the scheme's;
                numbers (N,), of volumes also (N, D); None: the scheme's.
            kwargs: not used.

        Raises:
            ValueError: when the inputs have another rank.
            DataError: when targets, masks or labels do not fit the inputs or the guides, a guide is named that there
                is not, a guide's task has no network; or as `SlicewiseInferer`.
        """
        call = copy(self)
        call._given = self._companions(inputs, targets, masks, acting, labels)
        return super(TranslationInferer, call).__call__(inputs, network)

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Iterator[torch.Tensor]:
        """Translations of slices (N, C, H, W), one for each set of guides."""
        noise, given = partial(self.noise, index=index), self._of(index, x)
        there, back = (self.denoiser(network, x, direction, given) for direction in (0, 1))
        ways = []
        for view in VIEWS[self.views]:
            image = view(x)
            seen = {name: view(v) if v.ndim == x.ndim else v for name, v in given.items()}
            bound = [self.guidance(guides, network, image, seen) for guides in self.guides]
            ways.append((self.scheme.encode(there, image, noise), bound, view))
        for i in range(self.num_maps):
            decoded = [view.undo(self.scheme.decode(back, e, bound[i], noise)) for e, bound, view in ways]
            yield torch.stack(decoded).mean(0)

    def refine(
        self,
        x: torch.Tensor,
        reconstruction: torch.Tensor,
        anomaly_map: torch.Tensor,
        network: Any,
        index: Sequence[int],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps, and reconstructions with their flagged part drawn anew, as ``refinement`` says."""
        if self.refinement is None:
            return anomaly_map, reconstruction
        drawn = self._drawn(self.refinement, x, reconstruction, anomaly_map, network, index)
        if self.refinement.share:
            anomaly_map = anomaly_map.lerp(self.anomaly_map(x, drawn), self.refinement.share)
        return anomaly_map, x.lerp(drawn, self.refinement.kept(anomaly_map))

    def _drawn(
        self,
        refinement: MaskedResampling,
        x: torch.Tensor,
        reconstruction: torch.Tensor,
        anomaly_map: torch.Tensor,
        network: Any,
        index: Sequence[int],
    ) -> torch.Tensor:
        """Reconstructions (N, C, H, W) with the part drawn anew that their maps flag."""
        height, width = x.shape[2:]
        x, start, flagged = (self.pad(v) for v in (x, reconstruction, refinement.flagged(anomaly_map)))

        def noise(rows: Sequence[int]) -> Noise:
            return self.noise(RESAMPLING, [index[i] for i in rows])

        denoiser = self.denoiser(network, x, 1, self._of(index, x))
        return refinement(denoiser, x, start, flagged, noise)[..., :height, :width]

    @torch.no_grad()
    def one_step(
        self,
        images: torch.Tensor,
        network: Any,
        targets: Given | None = None,
        masks: Given | None = None,
        acting: Given | None = None,
        labels: tuple[Any, Any] = (None, None),
    ) -> torch.Tensor:
        """The first guided decoding step alone, of noisy images (N, C, H, W), for timing: a translation takes one for
        each interval of the grid, and as many without guidance to encode."""
        x, index = self.pad(images), range(len(images))
        given = self._companions(images, targets, masks, acting, labels).take(index, x)
        guidance = self.guidance(self.guides[0], network, x, given)
        noise = partial(self.noise, index=index)
        return self.scheme.first_step(self.denoiser(network, x, 1, given), x, guidance, noise)

    def noise(self, stream: int, index: Sequence[int]) -> Noise:
        """The noise of some slices of a call where the stream says."""
        return self.noise_source([hashed_seed(self.seed, stream, i) for i in index])

    def denoiser(self, network: Any, x: torch.Tensor, direction: int, given: Given) -> Denoiser:
        """The denoiser for images like x while encoding (direction 0) or decoding (1)."""
        labels = given.get("encoding labels"), given.get("decoding labels")
        return self.scheme.denoiser(network.diffusion, direction, labels, autocast_dtype(self.autocast, x.device))

    def guidance(self, guides: Mapping[str, Guidance], network: Any, x: torch.Tensor, given: Given) -> GuidanceSum:
        """A set of guides, bound for clean images x (N, C, H, W) and what was given with them."""
        terms: list[Guidance | GuidanceOfSome] = []
        for name, guide in guides.items():
            task_network = _task_network(network, name, guide.task)
            acts = _acts(given, name, torch.ones(len(x), dtype=torch.bool, device=x.device))
            rows = torch.nonzero(acts)[:, 0].tolist()
            if not rows:
                continue
            target, mask = given.get(f"target of {name}"), given.get(f"mask of {name}")
            if some := len(rows) < len(x):
                target, mask = (None if v is None else v[rows] for v in (target, mask))
            try:
                term = guide.bind(
                    task_network,
                    self.scheme.schedule,
                    image=x[rows] if some else x,
                    target=target,
                    mask=mask,
                    autocast=autocast_dtype(self.autocast, x.device),
                )
            except DataError as error:
                raise DataError(f"guide {name!r}: {error}") from error
            terms.append(GuidanceOfSome(term, rows) if some else term)
        return GuidanceSum(terms)

    def _inside(self, slices: torch.Tensor) -> torch.Tensor:
        """Which of the slices (N, D, ...) are in the range, and have a guide that acts."""
        inside = super()._inside(slices)
        given = self._of(range(len(inside)), slices.flatten(0, 1)[:, :1])
        names = {name for guides in self.guides for name in guides}
        acts = [_acts(given, name, inside) for name in names]
        return inside & torch.stack(acts).any(0) if acts else inside

    def _of(self, index: Sequence[int], x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {} if self._given is None else self._given.take(index, x)

    def _companions(
        self,
        inputs: torch.Tensor,
        targets: Given | None,
        masks: Given | None,
        acting: Given | None,
        labels: tuple[Any, Any],
    ) -> Companions:
        """What was given with a call, by the name that it is found by and that messages call it."""
        targets, masks, acting = targets or {}, masks or {}, acting or {}
        known = {name for guides in self.guides for name in guides}
        for name in (*targets, *masks, *acting):
            if name not in known:
                raise DataError(
                    f"expected targets, masks and acting of the guides {listed(sorted(known))}, found {name!r}"
                )
        for name, mask in masks.items():
            if empty := [i for i, one in enumerate(torch.as_tensor(mask)) if not bool(one.any())]:
                raise DataError(f"expected a pixel above 0 in the mask of {name}, found none in image {listed(empty)}")
        told = dict(zip(("encoding labels", "decoding labels"), labels, strict=True))
        for name, values in told.items():
            if values is not None and not bool((torch.as_tensor(values) % 1 == 0).all()):
                raise DataError(f"expected {name} that are whole numbers, found {torch.as_tensor(values).tolist()}")
        named = {
            **{f"target of {name}": values for name, values in targets.items()},
            **{f"mask of {name}": values for name, values in masks.items()},
            **{f"acting of {name}": values for name, values in acting.items()},
            **{name: torch.as_tensor(values).long() for name, values in told.items() if values is not None},
        }
        return Companions(inputs, self.slice_axis, named)


def _acts(given: Given, name: str, slices: torch.Tensor) -> torch.Tensor:
    """Where, by its mask and by what it is told, a guide may act: of each of the slices (M,), bool."""
    acts = torch.ones_like(slices)
    if (mask := given.get(f"mask of {name}")) is not None:
        acts = acts & (mask > 0).reshape(len(mask), -1).any(1)
    if (acting := given.get(f"acting of {name}")) is not None:
        acts = acts & (acting > 0)
    return acts


def _task_network(network: Any, name: str, task: str | None) -> Any:
    """The network that a guide asks, None for a guide that asks none."""
    if task is None:
        return None
    tasks = getattr(network, "tasks", {})
    if task not in tasks:
        found = listed(sorted(tasks)) or "none"
        raise DataError(f"guide {name!r}: expected a network with the task {task!r}, found the tasks {found}")
    return tasks[task]
