"""Batch normalisations that do something: a fresh one is the identity, behind which a wrong order would hide."""

from torch import nn


def randomise_norms(network: nn.Module) -> None:
    """Statistics, scales and offsets as a training might leave them, and biases that are not 0."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.2)
