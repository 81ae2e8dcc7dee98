"""What is known of the prepared questions before they are asked."""

EMPTY_ON_THE_PLANS = frozenset({"changes", "not-linked", "versions-of-plan"})
"""Questions without an answer on the real plans: that nothing is left to link is a good one, and all are in one version."""
