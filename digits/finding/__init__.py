"""A picture -> ink: decoding, paper, sheets, rules, strokes, the one digit, lines of them."""
