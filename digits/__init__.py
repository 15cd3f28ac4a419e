"""What the programs at the root are made of; see CONTRIBUTING.md for the layers. Nothing in here imports a program."""
