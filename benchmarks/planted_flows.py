"""Defects of a bridge's flows and groups, to be planted in healthy nodes of Antrea."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.planting import FLOWS, GROUPS, Mutant, number, plants, replaced, where, with_line, without

_PARTS = re.compile(r"(.*, )(?:priority=(\d+),?)?(\S*) actions=(.*)").fullmatch
_CONJUNCTION = r"conjunction\((\d+),(\d+)/(\d+)\)"
_IP = re.compile(r"(?:ip|tcp|udp|icmp)(?:,|$)").match


# What flows are made of


def flow(head: str, priority: int, match: str, actions: str) -> str:
    return f"{head}priority={priority}{',' * bool(match)}{match} actions={actions}"


def flows(lines: list[str]) -> Iterator[tuple[int, str, int, str, str]]:
    """Each flow with a condition: where it is, its head, priority, match and actions."""
    for index, line in enumerate(lines):
        parts = _PARTS(line)
        if parts and parts[2] and parts[3]:
            yield index, parts[1], int(parts[2]), parts[3], parts[4]


def ordinary(lines: list[str]) -> Iterator[tuple[int, str, int, str, str]]:
    return (found for found in flows(lines) if "conj" not in lines[found[0]])


def table_of(line: str) -> str:
    found = re.search(r"table=([^,]+)", line)
    assert found is not None
    return found[1]


def leading_to(table: str) -> str:
    return rf"actions=.*(?:goto_table:|resubmit\(,|table=){re.escape(table)}(?![\w])"


def clauses(lines: list[str]) -> dict[str, set[str]]:
    """The clauses that each conjunction has."""
    found: dict[str, set[str]] = {}
    for line in lines:
        for which, clause, _ in re.findall(_CONJUNCTION, line):
            found.setdefault(which, set()).add(clause)
    return found


def without_actions(lines: list[str], pattern: str) -> list[str]:
    """Without some conjunctions, and without the lines that had nothing else."""
    left = [re.sub(rf",?{pattern}", "", line).replace("actions=,", "actions=") for line in lines]
    return [line for line in left if not line.endswith("actions=")]


# The defects


@plants("flow-conflict", FLOWS)
def another_flow_does_otherwise(lines: list[str]) -> Iterator[Mutant]:
    for index, head, priority, match, actions in ordinary(lines):
        if actions != "drop":
            yield Mutant(with_line(lines, index + 1, flow(head, priority, match, "drop")), index + 2)


@plants("flow-conflict", FLOWS)
def a_narrower_flow_has_the_same_priority(lines: list[str]) -> Iterator[Mutant]:
    for index, head, priority, match, actions in ordinary(lines):
        if actions != "drop" and _IP(match):
            narrower = flow(head, priority, f"{match},nw_tos=32", "drop")
            yield Mutant(with_line(lines, index + 1, narrower), index + 2)


@plants("flow-never-reached", FLOWS)
def a_flow_comes_before(lines: list[str]) -> Iterator[Mutant]:
    for index, head, priority, match, actions in flows(lines):
        if actions != "drop" and "conj_id" not in match and priority:
            yield Mutant(with_line(lines, index, flow(head, priority + 1, match, "drop")), index + 2)


@plants("flow-never-reached", FLOWS)
def halves_come_before(lines: list[str]) -> Iterator[Mutant]:
    for index, head, priority, match, actions in flows(lines):
        if actions != "drop" and _IP(match) and "nw_src" not in match and "conj_id" not in match and priority:
            halves = (f"{match},nw_src=0.0.0.0/1", f"{match},nw_src=128.0.0.0/1")
            changed = with_line(lines, index, *(flow(head, priority + 1, half, "drop") for half in halves))
            yield Mutant(changed, index + 3)


@plants("empty-flow-table", FLOWS)
def a_table_is_lost(lines: list[str]) -> Iterator[Mutant]:
    learned = [match[1] for line in lines for match in re.finditer(r"learn\(table=([^,]+)", line)]
    for table in dict.fromkeys(table_of(line) for line in lines if "actions=" in line):
        left = without(lines, rf" table={re.escape(table)}, ")
        if (
            table not in learned
            and where(left, leading_to(table))
            and where(left, " table=(0|PipelineRoot|Classifier)")
        ):
            yield Mutant(left, number(left, leading_to(table)))


@plants("unreachable-flow-table", FLOWS)
def a_table_is_left_over(lines: list[str]) -> Iterator[Mutant]:
    for _, head, priority, match, actions in ordinary(lines):
        if "nw_" in match or "in_port" in match:
            stray = re.sub(r"table=[^,]+", "table=99" if re.search(r"table=\d", head) else "table=Stray", head)
            yield Mutant([*lines, flow(stray, priority, match, actions)], len(lines) + 1)


@plants("missing-group", FLOWS)
def a_group_is_lost(lines: list[str]) -> Iterator[Mutant]:
    for index in where(lines, r"actions=.*group:\d+"):
        yield Mutant(replaced(lines, index, r"group:\d+", "group:99"), index + 1)


@plants("conjunction-incomplete", FLOWS)
def a_clause_is_lost(lines: list[str]) -> Iterator[Mutant]:
    for which, known in clauses(lines).items():
        for clause in sorted(known):
            left = without_actions(lines, rf"conjunction\({which},{clause}/\d+\)")
            yield Mutant(left, number(left, rf"conjunction\({which},"))


@plants("conjunction-incomplete", FLOWS)
def a_clause_counts_otherwise(lines: list[str]) -> Iterator[Mutant]:
    for which, known in clauses(lines).items():
        if len(known) > 2:
            pattern = rf"conjunction\({which},1/\d+\)"
            changed = [re.sub(pattern, f"conjunction({which},1/{len(known) + 1})", line) for line in lines]
            if len(where(lines, pattern)) < len(where(lines, rf"conjunction\({which},[2-9]/")):
                yield Mutant(changed, number(changed, rf"conjunction\({which},1/"))


@plants("conjunction-incomplete", FLOWS)
def a_clause_has_another_priority(lines: list[str]) -> Iterator[Mutant]:
    for which, known in clauses(lines).items():
        for clause in sorted(known):
            places = where(lines, rf"actions=conjunction\({which},{clause}/\d+\)$")
            if len(places) == 1 == len(where(lines, rf"conjunction\({which},{clause}/")):
                yield Mutant(replaced(lines, places[0], r"priority=\d+", "priority=777"), places[0] + 1)


@plants("conjunction-without-flow", FLOWS)
def what_a_conjunction_does_is_lost(lines: list[str]) -> Iterator[Mutant]:
    for which in clauses(lines):
        left = without(lines, rf"conj_id={which},")
        yield Mutant(left, number(left, rf"conjunction\({which},"))


@plants("conjunction-without-clauses", FLOWS)
def all_clauses_are_lost(lines: list[str]) -> Iterator[Mutant]:
    for which in clauses(lines):
        left = without_actions(lines, rf"conjunction\({which},\d+/\d+\)")
        yield Mutant(left, number(left, rf"conj_id={which},"))


@plants("conjunction-overridden", FLOWS)
def a_flow_comes_before_a_conjunction(lines: list[str]) -> Iterator[Mutant]:
    for index, head, priority, match, actions in flows(lines):
        if "conj_id" in match and actions != "drop":
            yield Mutant(with_line(lines, index, flow(head, priority + 1, "ip", "drop")), index + 2)


@plants("conjunction-conflict", FLOWS)
def another_policy_says_otherwise(lines: list[str]) -> Iterator[Mutant]:
    for index, head, priority, match, _ in flows(lines):
        if which := re.match(r"conj_id=(\d+),", match):
            twice = [
                re.sub(rf"conjunction\({which[1]},(\d+/\d+)\)", r"\g<0>,conjunction(99,\1)", line) for line in lines
            ]
            other = flow(head, priority, match.replace(which[0], "conj_id=99,"), "controller(max_len=128)")
            yield Mutant(with_line(twice, index + 1, other), index + 2)


@plants("stale-cookies", FLOWS)
def a_flow_of_an_earlier_start_stays(lines: list[str]) -> Iterator[Mutant]:
    started_again = [re.sub(r"cookie=0x1(\w{12}),", r"cookie=0x2\1,", line) for line in lines]
    for index in where(lines, r"cookie=0x1\w{12},"):
        yield Mutant(with_line(started_again, index, lines[index]), index + 1)


@plants("bridge-without-pipeline", FLOWS)
def all_flows_are_lost(lines: list[str]) -> Iterator[Mutant]:
    head = next(head for _, head, *_ in flows(lines))
    header = [line for line in lines[:1] if "reply" in line]
    yield Mutant([*header, flow(re.sub("cookie=[^,]+", "cookie=0x0", head), 0, "", "NORMAL")], len(header) + 1)


@plants("affinity-to-lost-endpoint", FLOWS)
def a_client_is_kept_to_an_endpoint(lines: list[str]) -> Iterator[Mutant]:
    for index in where(lines, r"actions=learn\(table="):
        found = re.search(r"learn\(table=([^,]+)", lines[index])
        assert found is not None
        head = f" cookie=0x1030000000004, duration=1.5s, table={found[1]}, n_packets=1, n_bytes=66, hard_timeout=300, "
        match = "tcp,nw_src=10.244.1.7,nw_dst=10.96.120.9,tp_dst=80"
        endpoint = "load:0xaf40163->NXM_NX_REG3[],load:0x50->NXM_NX_REG4[0..15],load:0x2->NXM_NX_REG4[16..18]"
        yield Mutant(with_line(lines, index + 1, flow(head, 200, match, endpoint)), index + 2)


@plants("policy-of-lost-pod", FLOWS)
def a_pods_way_is_lost(lines: list[str]) -> Iterator[Mutant]:
    for index in where(lines, r"dl_dst=\S+ actions=.*0x(\w+)->(?:NXM_NX_REG1\[\]|reg1)"):
        found = re.search(r"0x(\w+)->(?:NXM_NX_REG1\[\]|reg1)", lines[index])
        assert found is not None
        left = [*lines[:index], *lines[index + 1 :]]
        default = where(left, rf"priority=200,(?:ip,)?reg1=0x{found[1]} actions=drop")
        if default:
            yield Mutant(left, default[0] + 1)


@plants("bucket-does-nothing", GROUPS)
def a_bucket_does_not_go_on(lines: list[str]) -> Iterator[Mutant]:
    for index in where(lines, r",resubmit\(,\w+\)"):
        yield Mutant(replaced(lines, index, r",resubmit\(,\w+\)", ""), index + 1)


@plants("group-without-buckets", GROUPS)
def all_buckets_weigh_nothing(lines: list[str]) -> Iterator[Mutant]:
    for index in where(lines, "weight:100"):
        yield Mutant([*lines[:index], lines[index].replace("weight:100", "weight:0"), *lines[index + 1 :]], index + 1)


@plants("endpoint-not-translated", GROUPS)
def an_endpoint_is_another(lines: list[str]) -> Iterator[Mutant]:
    for index in where(lines, r"0xaf\w+->(?:reg3|NXM_NX_REG3)"):
        yield Mutant(replaced(lines, index, r"0xaf\w+->", "0xaf40163->"), index + 1)
