from __future__ import annotations

from ruleparse.openflow.bundles import bundle

ACTION = bundle("bundle")
