"""What the programs at the root are made of. Nothing in here imports a program; CONTRIBUTING.md describes the layers."""
