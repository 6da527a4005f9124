"""What is served at /metrics is what operations.md explains, the dashboard shows and the alerts watch; Prometheus' own tools agree."""

import json
import re

import yaml

from support.market import WAYS, start_market
from support.promtool import OBSERVABILITY, accepted_by_promtool, families, promtool
from support.publisher import eventually
from support.root import ROOT
from support.service import place

METRIC = re.compile(r"\b(?:agora|http_server|rpc_server|rpc_client|process)_[a-z0-9_]+")
OF_PROMETHEUS = {"up"}  # it makes this one itself, for each target


def table(title):
    """The first cells of the tables of a section of operations.md."""
    section = (ROOT / "docs" / "operations.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]


def rules():
    return [rule for group in yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def metrics_of(expression, served):
    """The metrics that an expression names; parts of a histogram stand for it."""
    names = set(METRIC.findall(re.sub(r"\{\{.*?\}\}", "", expression)))
    return {name if name in served else re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def serve_all(launch, request, folder):
    """What both services serve, on both engines, once they had something to do."""
    texts = []
    for way in WAYS:
        (folder / way).mkdir()
        order, notification = start_market(launch, request, folder / way, way, "--events.trim-interval", "100ms")
        assert place(order.as_user("token-u1")).status_code == 201
        eventually(lambda: re.search(r'agora_mail_attempts_total\{status="sent"\} [1-9]', notification.metrics()))
        eventually(lambda: "rpc_client_call_duration_seconds_count" in notification.metrics())
        if way == "feed":
            eventually(lambda: "agora_events_feed_lag" in order.metrics())
        texts += [order.metrics(), notification.metrics()]
    return texts


def test_what_is_served_is_explained_shown_and_watched(launch, request, folder):
    texts = serve_all(launch, request, folder)
    for text in texts:
        accepted_by_promtool(text)
    served = set().union(*map(families, texts))

    explained = {name for cell in table("Health and metrics") for name in re.findall(r"`([a-z_*]+)`", cell)}
    assert explained - {"process_*"} == {name for name in served if not name.startswith("process_")}

    dashboard = json.loads((OBSERVABILITY / "dashboard.json").read_text())
    shown = set()
    for panel in dashboard["panels"]:
        assert panel["type"] == "row" or panel["description"], panel["title"]
        for target in panel.get("targets", []):
            names = metrics_of(target["expr"], served)
            assert names and names <= served, target["expr"]
            shown |= names
    assert shown == served

    for rule in rules():
        names = metrics_of(rule["expr"], served)
        assert names <= served and (names or OF_PROMETHEUS & set(re.findall(r"\w+", rule["expr"]))), rule["alert"]


def test_alerts_are_what_prometheus_takes_and_fire_when_they_must():
    promtool("check", "rules", str(OBSERVABILITY / "alerts.yml"))
    promtool("check", "config", str(OBSERVABILITY / "prometheus.yml"))
    promtool("test", "rules", str(OBSERVABILITY / "alerts_test.yml"))


def test_each_alert_is_tested_and_has_a_line_that_says_what_to_do():
    alerts = {rule["alert"] for rule in rules()}
    tests = yaml.safe_load((OBSERVABILITY / "alerts_test.yml").read_text())["tests"]
    fired = re.findall(r'alertname="(\w+)"', str(tests[0]["promql_expr_test"][0]["exp_samples"]))
    assert sorted(fired) == sorted(alerts)
    assert sorted(re.findall(r"`(\w+)`", " ".join(table("Alerts")))) == sorted(alerts)
    assert all(rule["labels"]["severity"] in ("page", "ticket") for rule in rules())
