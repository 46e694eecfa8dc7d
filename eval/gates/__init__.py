"""Gates: a policy, and what turns figures into PROMOTE, HOLD, REJECT, or into the roll-back of a canary."""
