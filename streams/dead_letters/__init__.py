"""Dead letters: list them, look at one, put them back where they came from, mark them as done."""
