"""Many files: where they come from, their rows, how they are read on one machine or several, reports."""
