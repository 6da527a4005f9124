"""A-01 on what exists: every route × every caller × own, another's, missing. The expected table stands here."""

import pytest

from support.contract import CONTRACTS
from support.offers import offers_with_members
from support.service import JSON, OFFERS, TOKENS, order_body, place
from support.shopping import cart_checkout, cart_with_a_line, items_checkout
from support.tokens import bearer

CALLERS = {"nobody": None, "forged": "forged", "expired": "token-expired", "buyer": "token-u1", "other": "token-u2", "guest": "token-guest", "support": "token-support",
           "seller": "token-m1", "other seller": "token-m2"}

SUBJECTS = {"buyer": "u1", "other": "u2", "guest": "g1", "support": "support1", "seller": "m1", "other seller": "m2"}
OPERATIONS = {node["operationId"]: (method, CONTRACTS["order"].prefixes(path)[0] + path) for method, path, node in CONTRACTS["order"].operations()}
MISSING = "00000000-0000-7000-8000-000000000000"
OPEN = {caller: 200 for caller in CALLERS}
TOKEN = {"nobody": 401, "forged": 401, "expired": 401}
EXPECTED = {
    ("getHealth", "own"): OPEN,
    # The target is the user_id in the body.
    ("createOrder", "unnamed"): {**TOKEN, "buyer": 201, "other": 201, "guest": 201, "support": 201},
    ("createOrder", "own"): {**TOKEN, "buyer": 201, "other": 201, "guest": 201, "support": 201},
    ("createOrder", "other's"): {**TOKEN, "buyer": 403, "other": 403, "guest": 403, "support": 403},
    ("createOrder", "missing"): {**TOKEN, "buyer": 403, "other": 403, "guest": 403, "support": 403},
    ("listOrders", "own"): {**TOKEN, "buyer": 200, "other": 200, "guest": 200, "support": 200},
    # Sellers have their own list.
    ("getOrder", "own"): {**TOKEN, "buyer": 200, "support": 200, "seller": 404},
    ("getOrder", "other's"): {**TOKEN, "buyer": 404, "other": 200, "guest": 404, "support": 200},
    ("getOrder", "missing"): {**TOKEN, "buyer": 404, "other": 404, "guest": 404, "support": 404},
    **{("followOrder", target): {**TOKEN, **callers} for target, callers in (("own", {"buyer": 200, "support": 200}),
                                                                             ("other's", {"buyer": 404, "other": 200, "guest": 404, "support": 200}),
                                                                             ("missing", {"buyer": 404, "other": 404, "guest": 404, "support": 404}))},
    # Also a member of its seller, once it is paid (test_canceling_lines.py); these are not.
    ("cancelOrder", "own"): {**TOKEN, "buyer": 200, "support": 200, "seller": 404, "other seller": 404},
    ("cancelOrder", "other's"): {**TOKEN, "buyer": 404, "guest": 404, "support": 200, "seller": 404, "other seller": 404},
    ("cancelOrder", "missing"): {**TOKEN, "buyer": 404, "other": 404, "guest": 404, "support": 404, "seller": 404},
    # The target is the cart in the body; unnamed: lines.
    ("createOrderGroup", "unnamed"): {**TOKEN, "buyer": 201, "other": 201, "guest": 201, "support": 201},
    ("createOrderGroup", "own"): {**TOKEN, "buyer": 201, "support": 404},
    ("createOrderGroup", "other's"): {**TOKEN, "buyer": 404, "other": 201, "guest": 404, "support": 404},
    ("createOrderGroup", "missing"): {**TOKEN, "buyer": 404, "other": 404, "guest": 404, "support": 404},
    ("getOrderGroup", "own"): {**TOKEN, "buyer": 200, "support": 200, "seller": 404},
    ("getOrderGroup", "other's"): {**TOKEN, "buyer": 404, "other": 200, "guest": 404, "support": 200},
    ("getOrderGroup", "missing"): {**TOKEN, "buyer": 404, "other": 404, "guest": 404, "support": 404},
    ("createCart", "own"): {**TOKEN, "buyer": 201, "other": 201, "guest": 201, "support": 201},
    ("listCarts", "own"): {**TOKEN, "buyer": 200, "other": 200, "guest": 200, "support": 200},
    # A cart is its owner's alone.
    **{(operation, target): {**TOKEN, **callers} for operation, yes in (("getCart", 200), ("updateCart", 200), ("addCartLine", 200), ("updateCartLine", 200), ("removeCartLine", 200))
       for target, callers in (("own", {"buyer": yes, "other": 404, "guest": 404, "support": 404}),
                               ("other's", {"buyer": 404, "other": yes, "guest": 404, "support": 404}),
                               ("missing", {"buyer": 404, "other": 404, "guest": 404, "support": 404}))},
    # The guest's carts are in the body, by the guest's token.
    ("mergeCarts", "own"): {**TOKEN, "buyer": 200, "other": 200, "guest": 403, "support": 200},
    ("listAllOrders", "own"): {**TOKEN, "buyer": 403, "other": 403, "guest": 403, "seller": 403, "support": 200},
    # Own: the seller for whom `seller` may act. Support has its own list.
    **{("listSellerOrders", target): {**TOKEN, "buyer": 404, "guest": 403, "support": 404, **callers} for target, callers in (
        ("own", {"seller": 200, "other seller": 404}), ("other's", {"seller": 404, "other seller": 200}), ("missing", {"seller": 404, "other seller": 404}))},
    # Own: an offer of the seller for whom `seller` may act; other's: of the one for whom `other seller` may.
    **{(operation, target): {**TOKEN, "buyer": 404, "guest": 403, **callers} for operation in ("getInventory", "setInventory", "adjustInventory")
       for target, callers in (("own", {"seller": 200, "other seller": 404, "support": 200}),
                               ("other's", {"seller": 404, "other seller": 200, "support": 200}),
                               ("missing", {"seller": 404, "other seller": 404, "support": 404}))},
}


# Their table stands in test_fulfillment_authorization.py.
OF_PAID_ORDERS = {"createFulfillment", "updateFulfillment", "confirmDelivery"}


@pytest.mark.no_audit
def test_the_table_has_every_operation():
    assert {operation for operation, _ in EXPECTED} | OF_PAID_ORDERS == set(OPERATIONS)


def body_for(target, caller):
    """A body of createOrder whose buyer is nobody in particular, the caller, somebody else, or nobody there is."""
    if target == "unnamed":
        return order_body()
    own = SUBJECTS.get(caller, "u1")
    return order_body(user_id={"own": own, "other's": "u2" if own == "u1" else "u1", "missing": "nobody"}[target])


def things_of(owner):
    """Something of each kind; nobody's when there is no owner."""
    if owner is None:
        return dict.fromkeys(("order_id", "order_group_id", "cart_id", "line_id", "offer_id"), MISSING)
    order = place(owner).json()
    return {"order_id": order["order_id"], "order_group_id": order["order_group_id"], **cart_with_a_line(owner)}


def body_of(operation, target, caller, ids):
    """A body that is right but for whose things it is about."""
    if operation == "createOrder":
        return body_for(target, caller)
    if operation == "createOrderGroup":
        if target == "unnamed":
            return items_checkout(("o1", 1, "5.00"), email="buyer@example.com")
        return cart_checkout({"cart_id": ids["cart_id"], "version": 2}, "5.00", email="buyer@example.com")
    bodies = {"createCart": "{}", "updateCart": '{"email":"buyer@example.com"}', "addCartLine": '{"offer_id":"o1","quantity":1}', "updateCartLine": '{"quantity":2}',
              "mergeCarts": '{"guest_token":"%s"}' % bearer("token-guest"), "setInventory": '{"on_hand":2000000}', "adjustInventory": '{"delta":1,"reason":"received"}'}
    return bodies.get(operation)


@pytest.fixture
def shop(launch, folder):
    return launch("--offers", offers_with_members(folder, s1="m1", s2="m2"), *TOKENS)


@pytest.mark.parametrize("operation,target", EXPECTED)
def test_the_table_holds(shop, operation, target):
    method, template = OPERATIONS[operation]
    for caller, status in EXPECTED[operation, target].items():
        owner = {"own": "token-u1", "other's": "token-u2"}.get(target)
        ids = things_of(shop.as_user(owner) if owner else None)
        ids["offer_id"], ids["seller_id"] = {"own": ("o1", "s1"), "other's": ("o3", "s2")}.get(target, (MISSING, MISSING))
        client = shop.as_user(CALLERS[caller]) if CALLERS[caller] else shop.client
        before = shop.counts()
        body = body_of(operation, target, caller, ids)
        options = {"content": body, "headers": {**JSON, **({"Idempotency-Key": f"{target}-{caller}"} if operation == "createOrderGroup" else {})}} if body else {}
        # One that streams has no end.
        with client.stream(method, template.format(**ids), **options) as response:
            if status != 200 or operation != "followOrder":
                response.read()
        assert response.status_code == status, (operation, target, caller)
        if status >= 400:
            assert shop.counts() == before
        if status == 201:
            assert response.json()["user_id"] == SUBJECTS[caller]


def test_a_list_has_nobody_elses_orders(sqlite_shop):
    """I11, also for support: theirs are the routes under /admin."""
    for token in ("token-u1", "token-u2", "token-guest"):
        place(sqlite_shop.as_user(token))
    for token, subject in (("token-u1", "u1"), ("token-u2", "u2"), ("token-guest", "g1")):
        assert [order["user_id"] for order in sqlite_shop.as_user(token).get("/orders").json()["items"]] == [subject]
    assert sqlite_shop.as_user("token-support").get("/orders").json()["items"] == []


def test_anothers_and_a_missing_one_answer_alike(sqlite_shop):
    ids = things_of(sqlite_shop.as_user("token-u2"))
    user = sqlite_shop.as_user("token-u1")
    without_trace = lambda response: {k: v for k, v in response.json().items() if k != "trace_id"}
    for path, id in (("/orders", "order_id"), ("/api/v1/order-groups", "order_group_id"), ("/api/v1/carts", "cart_id")):
        assert without_trace(user.get(f"{path}/{ids[id]}")) == without_trace(user.get(f"{path}/none"))


def test_demo_guests_place_and_read_and_nothing_else(launch):
    service = launch("--standalone", "--demo-guests", *TOKENS)
    order = place(service.client, offer="o42", price="499.99", user_id="u1").json()
    assert service.client.get(f"/orders/{order['order_id']}").status_code == 200
    assert service.client.get("/orders").status_code == 401
    assert service.client.post(f"/orders/{order['order_id']}/cancellation").status_code == 401
    # A token counts as it does elsewhere, and orders of users who are not in the offers file stay theirs.
    others = place(service.as_user("token-u2"), offer="o42", price="499.99").json()
    assert service.client.get(f"/orders/{others['order_id']}").status_code == 404
    assert service.client.get(f"/orders/{order['order_id']}", headers={"Authorization": "Bearer forged"}).status_code == 401


def test_without_anything_to_verify_tokens_with(launch):
    service = launch("--offers", OFFERS)
    for method, path in (("GET", "/orders"), ("GET", "/orders/x"), ("POST", "/orders"), ("POST", "/orders/x/cancellation")):
        assert service.client.request(method, path).status_code == 401
        answer = service.client.request(method, path, headers={"Authorization": "Bearer any"})
        assert answer.status_code == 503 and answer.json()["code"] == "token_verification_unavailable" and "retry-after" in answer.headers
    assert service.client.get("/health").status_code == 200


@pytest.mark.parametrize("header", ["Basic dTE6dTE=", "Bearer", "{}", "bearer  {}", "Bearer {}, Bearer {}"])
def test_malformed_authorization_is_401(sqlite_shop, header):
    assert sqlite_shop.client.get("/orders", headers={"Authorization": header.replace("{}", bearer("token-u1"))}).status_code == 401


def test_the_scheme_is_read_in_any_case(sqlite_shop):
    assert sqlite_shop.client.get("/orders", headers={"Authorization": f"bEaReR {bearer('token-u1')}"}).status_code == 200
