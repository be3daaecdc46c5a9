"""How many examples a law is tried on: a few every day, more where RULEPARSE_TIMES says how many times as many."""

import os

from hypothesis import settings

TIMES = int(os.environ.get("RULEPARSE_TIMES", "1"))


def examples(few: int) -> settings:
    return settings(max_examples=few * TIMES)
