"""Review: show a plan's record to a person beside its text, and take back what they corrected."""
