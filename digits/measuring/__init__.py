"""How good the answers are: metrics, labelled sets, corruptions, explanations, figures."""
