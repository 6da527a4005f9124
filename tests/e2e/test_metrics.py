"""What the service says of itself on its internal port."""

import re

from support.promtool import accepted_by_promtool
from support.service import place


def test_metrics_are_valid_prometheus_text(shop):
    place(shop.as_user("token-u1"))
    shop.client.get("/orders/x")
    accepted_by_promtool(shop.metrics())


def test_requests_are_counted_by_route_template_not_by_id(shop):
    user = shop.as_user("token-u1")
    order_id = place(user).json()["order_id"]
    user.get(f"/orders/{order_id}")
    text = shop.metrics()
    assert order_id not in text
    assert re.search(r'duration_seconds_count\{[^}]*http_route="/orders/\{order_id\}"[^}]*code="200"\} 1\n', text)
    assert re.search(r"agora_sql_group_size_count [1-9]", text)


def test_health_endpoints(shop):
    assert shop.ask_internal("/livez").text == "ok\n"
    assert "ready" in shop.ask_internal("/readyz?verbose").text
    # The public port has none of them.
    assert shop.client.get("/metrics").status_code == 404 and shop.client.get("/readyz").status_code == 404


def test_a_trace_goes_on_into_the_outbox(shop):
    trace = "0af7651916cd43dd8448eb211c80319c"
    user = shop.as_user("token-u1")
    user.headers["traceparent"] = f"00-{trace}-b7ad6b7169203331-01"
    place(user)
    rows = shop.query(f"SELECT traceparent FROM outbox ORDER BY {shop.written} DESC LIMIT 3")
    assert all(row["traceparent"][3:35] == trace for row in rows)
    assert user.get("/orders/none").json()["trace_id"] == trace
