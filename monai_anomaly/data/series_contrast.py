# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from .dicom_study import DicomSeries

__all__ = ["contrast_of"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# every word of a description must be known: "hemo", "op" or "spine" make a T2 something else than this T2
_PLAIN = _set(
    "ax axi axial tra trans transv transverse transversal sag sagittal cor coronal kor obl oblique 3d 2d iso isotropic"
    " se tse fse frfse fast turbo spin echo spc space cube vista brain view blade propeller multivane thin thick std"
    " standard routine head kopf hirn cranial cerebral neuro whole hr highres hires high res long tr longtr shc sense"
    " cs dl ipat grappa caipi spir spair w wi weighted"
)
_NUMBER = re.compile(r"(iso|p|te|tr|ti)?\d+([x.]\d+)*(mm|cm|iso)?")
_GLUED = re.compile(
    r"(3d|2d|[se])?(?P<ce>ce)?(?P<what>t1|t2|flair|t2flair)(w|wi)?(3d|se|tse|fse|tfe)?(?P<post>c|ce|gd|km|post)?(3d)?"
)
"""``T1W``, ``sT2W``, ``3DFLAIR``, ``T1KM``."""
_T1_NAMES = _set("mprage bravo spgr fspgr irfspgr")
_T1_SEQUENCES = _set("gre ffe tfe fl2d fl3d flash vibe tfl")
_FLAIR_SEQUENCES = _set("ir irprep tirm")

_AGENT = re.compile(
    r"gd|gad|gado\w*|gadavist|dotarem|magnevist|prohance|clariscan|multihance|omniscan|km|kontrast(mittel)?|contrast[eo]?"
    r"|mdc|civ|con|cont|cntrst|injection|inj"
)
_AFTER = _set("post postcon postcontrast postgd postkm ce plusc enhanced with nach mit met apres avec dopo mkm injecte")
_BEFORE = _set(
    "pre precon precontrast pregd prae pra native nativ natif nativo nativa unenhanced nc noncontrast noncon okm wocon"
)
_NOT = _set("no non not nicht kein keine ohne o sans sin senza without wo vor avant")
_ALONE = _set("without wo")
"""Of `_NOT`, those that mean the agent where nothing follows."""
_FAT = _set("fs fatsat")

_OTHER_TYPES = _set(
    "SUB SUBTRACTION PROJECTION_IMAGE MPR OUT_PHASE OPP_PHASE IN_PHASE FAT WATER ADC DIFFUSION PERFUSION"
    " PHASE P REAL IMAGINARY MIXED LOCALIZER QUANTITY MAXIMUM MINIMUM MEAN STD_DEVIATION MAX_IP MIN_IP VOLUME_RENDER"
    " SURFACE_RENDER T2_STAR STIR PROTON_DENSITY TIME_OF_FLIGHT FLOW_ENCODED TAGGING"
)
"""Values of Image Type, and of what enhanced MR has beside it, of what is computed from scans, or shows something
else."""
_TYPES = {"T1": {"t1"}, "T2": {"t2", "flair"}, "FLUID_ATTENUATED": {"flair"}}
"""What enhanced MR calls the weighting, and which words of a description agree with it."""


def contrast_of(series: DicomSeries) -> str | None:
    """Which of t1, t1ce, t2 and flair a series of MR is, by its description, the attribute of the contrast agent, and
    what else its header tells; None where that says nothing, two things, or has a word that is not known: a wrong guess
    would give a wrong result without a word, a missing one asks for `choose_series`' mapping."""
    if series.modality != "MR" or _OTHER_TYPES & set(series.image_type):
        return None
    signs = list(_signs(_words(series.description)))
    if None in signs:
        return None
    weightings = {sign for sign in signs if sign in ("t1", "t2", "flair")}
    if any(not weightings & _TYPES[kind] for kind in _TYPES.keys() & set(series.image_type)):
        return None
    sequences = {*(sign for sign in signs if sign), *series.sequence}
    if "flair" in weightings:
        return "flair" if "t1" not in weightings and not sequences & {"t1 sequence", "GR", "EP"} else None
    if len(weightings) != 1 or sequences & {"flair sequence", "EP"}:
        return None
    if weightings == {"t2"}:
        return None if sequences & {"t1 sequence", "GR", "IR"} else "t2"
    before, after = "before" in signs, "after" in signs
    if before and after:
        return None
    return "t1" if before else "t1ce" if after or series.agent else "t1"


def _words(description: str) -> list[str]:
    """In small letters, without accents; signs that mean something as words."""
    letters = unicodedata.normalize("NFKD", description.casefold())
    text = "".join(c for c in letters if not unicodedata.combining(c)).replace("_", " ")
    text = re.sub(r"\bw/ ?o\b", " wo ", text)
    text = re.sub(r"\bw/", " with ", text)
    text = re.sub(r"\+ ?(c|ce|k|gd|gad\w*|km|contrast)\b|\bc ?\+", " plusc ", text)
    text = re.sub(r"[\s\-./,;:()\[\]]+", " ", text)
    text = re.sub(r"\b(dark ?|da )(fluid|fl)\b", "flair", text)
    return re.sub(r"\bmp rage\b", "mprage", text).split()


def _signs(words: list[str]) -> Iterator[str | None]:
    """What each word tells: a weighting, ``"before"`` or ``"after"`` the agent, a kind of sequence, ``""`` nothing,
    None that it is not known. A negation counts with the word behind it."""
    i = 0
    while i < len(words):
        word, behind = words[i], words[i + 1] if i + 1 < len(words) else ""
        i += 1
        glued = _GLUED.fullmatch(word)
        if glued:
            yield "flair" if "flair" in glued["what"] else glued["what"]
            if glued["ce"] or glued["post"]:
                yield "after"
        elif word == "w" and behind in _ALONE:  # with and without
            yield None
        elif word in _NOT and (_AGENT.fullmatch(behind) or behind == "enhanced"):
            i += 1
            yield "before"
        elif word in _NOT and (behind in _FAT or behind == "fat"):
            yield ""
        elif word in _ALONE and not behind:
            yield "before"
        elif word in ("m", "w") and _AGENT.fullmatch(behind):
            yield "after"
        elif word in _BEFORE:
            i += bool(_AGENT.fullmatch(behind))
            yield "before"
        elif word == "fat" and behind in ("sat", "sup", "suppressed"):
            i += 1
            yield ""
        elif word in _AFTER or _AGENT.fullmatch(word):
            yield "after"
        elif word in _T1_NAMES:
            yield "t1"
        elif word in _T1_SEQUENCES:
            yield "t1 sequence"
        elif word in _FLAIR_SEQUENCES:
            yield "flair sequence"
        else:
            yield "" if word in _PLAIN or word in _FAT or _NUMBER.fullmatch(word) else None
