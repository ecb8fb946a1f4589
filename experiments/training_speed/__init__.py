"""How fast our B0 trains against timm's and torchvision's, and the loader against the training."""
