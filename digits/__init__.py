"""The rooms behind the programs at the root. Nothing in here imports a program; see CONTRIBUTING.md for the floors."""
