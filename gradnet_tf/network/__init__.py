"""The network of GradNet, with its layers, losses, crops and responses."""
