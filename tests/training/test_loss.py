"""The loss against its definition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.training.loss import classification_loss


@settings(max_examples=30, deadline=None)
@given(smoothing=st.floats(0, 0.9), seed=st.integers(0, 1000), classes=st.integers(2, 20))
def test_labels_and_their_probabilities_give_the_smoothed_cross_entropy(smoothing, seed, classes):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, classes, generator=generator)
    labels = torch.randint(classes, (6,), generator=generator)
    target = torch.full((6, classes), smoothing / classes)
    target[torch.arange(6), labels] += 1 - smoothing
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(classification_loss(logits, labels, smoothing), expected)
    own = torch.eye(classes)[labels]
    torch.testing.assert_close(classification_loss(logits, own, smoothing), expected)


def test_mixed_targets_give_the_mixed_loss():
    logits, own, other = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.tensor([1, 1, 0, 2, 3])
    mixed = 0.3 * torch.eye(4)[own] + 0.7 * torch.eye(4)[other]
    expected = 0.3 * classification_loss(logits, own, 0.1) + 0.7 * classification_loss(logits, other, 0.1)
    torch.testing.assert_close(classification_loss(logits, mixed, 0.1), expected)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_logits_in_half_precision_are_summed_in_full(kind):
    logits = torch.full((2, 1000), 8.0, dtype=kind)
    loss = classification_loss(logits, torch.tensor([0, 1]), 0.0)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(6.907755, abs=1e-5)
