"""What the dock of the outliers says of their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnf_studio.core.exploration.outliers import Outliers

__all__ = [
    "CANCELLED",
    "NO_DATA",
    "NO_MODEL",
    "OUT_OF_DATE",
    "counted",
    "definition",
    "invitation",
    "none_of",
    "numbers",
    "origins",
]

NO_MODEL = "Open a model or press Train: its samples are checked here."
NO_DATA = "The data of this model is not at hand, so nothing can be told of where its samples should be."
OUT_OF_DATE = "Out of date: the weights or the settings of the view have changed since."
CANCELLED = "Cancelled before all was looked at."
WILL = (
    "Check draws {count:,} samples with the newest weights, counts those that explode or leave the data’s support, and "
    "follows them to the step where they went wrong."
)
WORKING = "Drawing {count:,} samples and looking where the forward process goes…"
TRAINING = "That takes time from the run, so it begins by itself only once the run pauses or ends."


def invitation(model: bool, data: bool, running: bool, training: bool, count: int) -> str:
    """What stands in the place of the lists while nothing is found: what is done, will be done, or cannot be."""
    if not model:
        return NO_MODEL
    if not data:
        return NO_DATA
    will = WILL.format(count=count)
    return WORKING.format(count=count) if running else f"{will}\n\n{TRAINING}" if training else will


def counted(hits: int, count: int) -> str:
    """ "31 of 2,000: 1.6% (1.1–2.2%)", the interval Wilson's at 95%."""
    from dnf_studio.core.exploration.outliers import wilson

    low, high = wilson(hits, count)
    digits = _digits(high)
    share = _percent(hits / count if count else 0.0, digits)
    return f"{hits:,} of {count:,}: {share}% ({_percent(low, digits)}–{_percent(high, digits)}%)"


def numbers(found: Outliers) -> str:
    """How many there are of both kinds."""
    return f"Exploded: {counted(found.exploded, found.drawn)}\nOff the support: {counted(found.off, found.drawn)}"


def definition(found: Outliers) -> str:
    """What is counted, and what the same rules say of the data itself."""
    if found.known:
        off = f"farther than {found.reach:g} from the data’s support"
    else:
        nearest = f"farther than {found.reach:.3g} from the nearest of {found.compared:,} points drawn from the data"
        off = f"{nearest}, as at most 0.1% of held-out data are"
    return (
        "Exploded: not finite, beyond ±4 (standardised) at the end, or on the way farther out than that and than its "
        f"latent. Off the support: the end is {off}. Held-out data by the same rules: "
        f"{_percent(found.data_beyond, 2)}% beyond ±4, {_percent(found.data_off, 2)}% off. In brackets: 95% intervals."
    )


def none_of(found: Outliers, what: str) -> str:
    """ "None of 20,000 samples …" """
    from dnf_studio.core.exploration.outliers import wilson

    high = wilson(0, found.drawn)[1]
    return (
        f"None of {found.drawn:,} {what} exploded or left the data’s support. "
        f"So, with 95% confidence, fewer than {_percent(high, _digits(high))}% of all do."
    )


def origins(found: Outliers) -> str:
    """Sentences on where the samples went wrong, for what the bars cannot say."""
    total = len(found.rows)
    if not total:
        return ""
    counts = found.by_step
    last, latent, never = int(counts[0]), int(counts[-1]), total - int(counts.sum())
    parts = [f"{last:,} of {total:,} left what the forward process visits only in the last step"]
    if latent:
        parts.append(f"{latent:,} began where it does not go")
    if never:
        parts.append(f"{never:,} are where it goes too")
    return "; ".join(parts) + "." if parts else ""


def _percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f}"


def _digits(share: float) -> int:
    """Decimals of a percentage that tell such a share from none."""
    return 1 if share >= 0.02 else 2 if share >= 0.002 else 3
