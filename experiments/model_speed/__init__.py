"""How fast our B0 computes against timm's and torchvision's: forward, and forward with backward."""
