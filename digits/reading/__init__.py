"""Ink -> an answer: networks and what they may be believed, lines of digits, numbers."""
