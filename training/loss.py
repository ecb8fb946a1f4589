"""The loss of a classifier."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def classification_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross entropy in nats, () float32, also for logits in half precision.

    logits: (N, classes). targets: classes (N,) int64, or probabilities (N, classes). Smoothing mixes `smoothing` parts
    of the uniform distribution into the target (arXiv 1512.00567, section 7).
    """
    return functional.cross_entropy(logits.float(), targets, label_smoothing=smoothing)
