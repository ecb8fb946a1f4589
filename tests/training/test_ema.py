"""The moving average against its closed form."""

import pytest
import torch
from torch import nn

from effsearch.training.ema import Ema


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_the_average_has_its_closed_form():
    """average_n = w_0 prod d_i + sum_i w_i (1 - d_i) prod_{j > i} d_j, d_i = min(0.5, (1 + i) / (10 + i))."""
    module = network().double()
    ema = Ema(module, 0.5)
    values = [module[0].weight.detach().clone()]
    decays = [min(0.5, (1 + step) / (10 + step)) for step in range(20)]
    for step in range(20):
        with torch.no_grad():
            module[0].weight.normal_()
            module[1].running_var.uniform_(1, 2)
        values.append(module[0].weight.detach().clone())
        ema.update(module, step)
    expected = torch.zeros_like(values[0])
    for place, value in enumerate(values):
        share = 1.0 if place == 0 else 1 - decays[place - 1]
        for decay in decays[place:]:
            share *= decay
        expected += share * value
    torch.testing.assert_close(ema.module[0].weight.detach(), expected)
    assert decays[0] == 0.1
    assert decays[-1] == 0.5


def test_running_statistics_are_averaged_and_counts_copied():
    module = network()
    ema = Ema(module, 0.9)
    module.train()(torch.randn(16, 3) + 5)
    ema.update(module, 0)  # the decay of step 0 is 1/10
    torch.testing.assert_close(ema.module[1].running_mean, 0.9 * module[1].running_mean)
    torch.testing.assert_close(ema.module[1].running_var, 0.1 + 0.9 * module[1].running_var)
    assert ema.module[1].num_batches_tracked == 1


def test_the_average_is_a_copy_for_evaluation():
    module = network()
    ema = Ema(module, 0.9)
    before = [value.clone() for value in module.state_dict().values()]
    ema.update(module, 0)
    assert not ema.module.training
    assert module.training
    assert all(weight.requires_grad for weight in module.parameters())
    assert not any(weight.requires_grad for weight in ema.module.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, module.state_dict().values(), strict=True))


def test_weights_that_do_not_change_are_their_own_average():
    module = network()
    ema = Ema(module, 0.9999)
    for step in range(30):
        ema.update(module, step)
    torch.testing.assert_close(ema.module.state_dict(), module.state_dict())


def test_the_state_is_taken_up_again():
    module = network()
    first = Ema(module, 0.9)
    with torch.no_grad():
        module[0].weight.add_(1)
    first.update(module, 0)
    second = Ema(network(), 0.5)
    second.load_state_dict(first.state_dict())
    assert second.decay == 0.9
    for one in (first, second):
        one.update(module, 1)
    torch.testing.assert_close(second.module.state_dict(), first.module.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("decay", [1.0, -0.1, float("nan")])
def test_a_decay_out_of_range(decay):
    with pytest.raises(ValueError, match="decay is"):
        Ema(network(), decay)
