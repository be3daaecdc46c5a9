"""What went wrong on other people's nodes, as small dumps of our own: the finding that tells it, word for word.

Most stories are those of a lint rule's own page; dumps of the others are in `incidents/`.
"""

from pathlib import Path

import pytest

from ruleparse.lint.run import Wanted, lint
from ruleparse.snapshot import load
from tests.lint.examples import example
from tests.lint.test_rules import usual

FOLDER = Path(__file__).parent / "incidents"
DUMPS = sorted(path.stem for path in FOLDER.glob("*.txt"))
STORIES = {
    "H01-forward-drops-pods": "forward-drop",
    "H02-two-backends": "two-backends",
    "H04-two-modes-of-kube-proxy": "two-proxy-modes",
    "H04-two-plugins": "two-networks",
    "H05-services-before-policies": "policy-bypassed",
    "H06-a-chain-that-is-not-there": "missing-chain",
    "H06-chains-of-an-older-kube-proxy": "kube-xlb-left-over",
    "H07-host-port-before-services": "hostport-before-services",
    "H08-one-host-port-two-pods": "hostport-taken-twice",
    "H09-a-range-without-pods": "masquerade-scope",
    "H10-two-owners-of-a-mark": "mark-bits-shared",
    "H11-no-endpoint-on-this-node": "no-local-endpoints",
    "H12-refused-with-endpoints": "service-refused-with-endpoints",
    "H13-odds-do-not-add-up": "load-balancing-odds",
    "H13-no-hairpin": "missing-hairpin",
    "H14-nothing-masquerades": "missing-masquerade",
    "H15-localhost-is-open": "localhost-boundary",
    "H16-an-address-is-hijacked": "service-address-hijack",
    "H18-a-service-is-not-tracked": "untracked-service",
    "H19-a-pod-without-chains": "pod-without-chains",
    "H19-a-node-that-is-refused": "tunnel-peer-refused",
    "H19-a-set-is-missing": "missing-set",
    "H20-reject-in-table-raw": "wrong-table",
    "H20-marks-are-not-restored": "aws-replies-lost",
    "H21-the-pipeline-is-lost": "bridge-without-pipeline",
    "H22-invalid-packets-pass": "invalid-not-dropped",
    "H23-flows-of-an-earlier-start": "stale-cookies",
    "H23-a-policy-of-a-lost-pod": "policy-of-lost-pod",
    "H24-a-clause-is-missing": "conjunction-incomplete",
    "H24-nothing-is-done": "conjunction-without-flow",
    "H24-a-flow-comes-between": "conjunction-overridden",
    "H25-a-group-is-missing": "missing-group",
    "H25-kube-proxy-and-antrea-disagree": "services-disagree",
    "H25-no-flow-translates": "endpoint-not-translated",
    "H25-kept-to-a-lost-endpoint": "affinity-to-lost-endpoint",
}


@pytest.mark.parametrize("story", STORIES)
def test_a_story_of_a_rules_page(story, tmp_path, monkeypatch, golden):
    monkeypatch.chdir(tmp_path)
    example(STORIES[story]).node(Path())
    golden(f"lint/incidents/{story}.txt", told(*sorted(Path().glob("*.txt")), wanted=usual(STORIES[story])))


@pytest.mark.parametrize("story", DUMPS)
def test_a_story_with_a_dump_of_its_own(story, monkeypatch, golden):
    monkeypatch.chdir(FOLDER)
    golden(f"lint/incidents/{story}.txt", told(f"{story}.txt", wanted=Wanted()))


def told(*files, wanted):
    found = lint(load(files), wanted)
    assert found
    return "\n".join(line for finding in found for line in finding.render(120)) + "\n"
