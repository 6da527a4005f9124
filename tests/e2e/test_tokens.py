"""J-01: forged tokens are all answered the same and make nobody ask anybody; where keys come from, and what is without them."""

import base64
import hashlib
import hmac
import json
import re
import socket
import time

import pytest

from support.issuer import Issuer
from support.publisher import eventually
from support.service import OFFERS, TOKENS, place, problem
from support.tokens import Key, base64url, claims_of, header_of, key_set, make_token, signed_part

ALGORITHMS = ["ES256", "EdDSA", "RS256"]
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# Larger than the largest token; so that the token is what is refused, and not the header.
LARGE_HEADERS = ("--http.header-bytes-max", "32768")
# Longer than any test: what is asked meanwhile was asked for a token.
NO_POLLS = ("--jwt.poll-interval", "1h")
OFTEN = ("--jwt.poll-interval", "50ms")


@pytest.fixture
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.stop()


def without_trace(response):
    document = response.json()
    del document["trace_id"]
    return response.status_code, document, response.headers["www-authenticate"]


def with_signature(key, signature):
    return f"{signed_part(header_of(key), claims_of())}.{base64url(signature)}"


def doubled(document, name, value):
    """The document's text with one more member."""
    return json.dumps(document)[:-1] + f', "{name}": {json.dumps(value)}}}'


def forgeries(key, other, trap):
    """Name → token; each has one thing wrong. `trap`: a URL that nobody may ask."""
    good, now = make_token(key), int(time.time())
    head, payload, signature = good.split(".")
    public = json.dumps(key.jwk()).encode()

    def unsigned(alg):
        return signed_part(header_of(key, alg=alg), claims_of())

    tokens = {f"alg {alg}": f"{unsigned(alg)}." for alg in ("none", "None", "nOnE", "NONE", "")}
    tokens |= {f"alg {alg} signed": make_token(key, header=header_of(key, alg=alg)) for alg in ("none", key.alg.lower(), "HS256", *set(ALGORITHMS) - {key.alg})}
    for name, secret in (("jwk", public), ("der", key.public_der), ("kid", key.kid.encode()), ("empty", b"")):
        part = unsigned("HS256")
        tokens[f"HS256 with the {name}"] = f"{part}.{base64url(hmac.new(secret, part.encode(), hashlib.sha256).digest())}"
    tokens |= {f"kid {kid}": make_token(key, header=header_of(key, kid=kid)) for kid in
               ("../../dev/null", "/dev/null", "' OR '1'='1", "x' UNION SELECT 'k'--", "", "unknown", trap, 7, ["k"])}
    tokens |= {f"header {name}": make_token(key, header=header_of(key, **{name: value})) for name, value in
               {"jku": trap, "x5u": trap, "x5c": ["MIIB"], "jwk": key.jwk(), "crit": ["exp"], "b64": False}.items()}
    tokens["jwk of the forger"] = make_token(other, header=header_of(key, alg=other.alg, jwk=other.jwk()))
    tokens["signed by another"] = make_token(other, header=header_of(key, alg=other.alg))
    tokens["no kid"] = make_token(key, header=header_of(key, kid=None))
    tokens |= {f"typ {typ}": make_token(key, header=header_of(key, typ=typ)) for typ in ("JWT", "id+jwt", "rt+jwt", "AT+JWT", None)}
    tokens |= {f"exp {-late}": make_token(key, claims_of(exp=now - late)) for late in (61, 3600)}
    tokens |= {f"{name} +{early}": make_token(key, claims_of(**{name: now + early})) for name in ("nbf", "iat") for early in (90, 3600)}
    tokens |= {f"{name} is {value!r}": make_token(key, claims_of(**{name: value})) for name, value in
               [("exp", str(now + 99)), ("exp", now + 99.5), ("exp", -1), ("exp", 2**63), ("iat", True), ("nbf", "now"), ("iss", "other"), ("iss", ["agora"]),
                ("aud", "other"), ("aud", []), ("aud", ["other"]), ("sub", ""), ("sub", "u 1"), ("sub", 1), ("jti", ""), ("roles", "user"), ("roles", [1])]}
    tokens |= {f"no {name}": make_token(key, claims_of(**{name: None})) for name in ("iss", "aud", "sub", "jti", "iat", "exp", "roles")}
    tokens["sub twice"] = make_token(key, doubled(claims_of(), "sub", "u2"))
    tokens["alg twice"] = make_token(key, header=doubled(header_of(key), "alg", key.alg))
    tokens["9 KiB"] = make_token(key, claims_of(padding="x" * 6_700))
    tokens |= {f"payload {text!r}": make_token(key, text) for text in ("", "[]", "{", "null", "{}x")}
    tokens["deep"] = make_token(key, '{"a":' * 40 + "1" + "}" * 40)
    tokens |= {"a part missing": f"{head}.{payload}", "a part more": good + ".e30", "no parts": "x", "only dots": "..", "garbage": good + "AAAA",
               "padding": good + "==", "blank inside": f"{head}. {payload}.{signature}", "standard base64": base64.b64encode(b"\xfb\xff" * 30).decode(),
               "no signature": f"{head}.{payload}.", "another's signature": f"{head}.{payload}.{make_token(key).split('.')[2]}"}
    if key.alg == "ES256":
        der = key.sign_der(signed_part(header_of(key), claims_of()).encode())
        raw = base64.urlsafe_b64decode(signature + "==")
        order = P256_ORDER.to_bytes(32, "big")
        part = signed_part(header_of(key), claims_of())
        tokens["ASN.1"] = f"{part}.{base64url(key.sign_der(part.encode()))}"
        tokens["another's ASN.1"] = with_signature(key, der)
        tokens |= {f"r and s {i}": with_signature(key, pair) for i, pair in
                   enumerate([bytes(64), bytes(32) + raw[32:], raw[:32] + bytes(32), order + raw[32:], raw[:32] + order, b"\xff" * 64])}
        for i, text in enumerate((raw + b"\0", b"\0" + raw, raw[:63])):
            tokens[f"size {i}"] = f"{head}.{payload}.{base64url(text)}"
    assert len(set(tokens.values())) == len(tokens)
    return good, tokens


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_forged_tokens_are_all_refused_the_same_and_nobody_is_asked(launch, folder, issuer, alg):
    key = Key(folder, "k", alg)
    other = Key(folder, "k", "EdDSA" if alg == "ES256" else "ES256")
    issuer.publish(key_set(key)).start()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        service = launch("--offers", OFFERS, "--jwks", issuer.url, *NO_POLLS, *LARGE_HEADERS)
        good, tokens = forgeries(key, other, f"http://127.0.0.1:{trap.getsockname()[1]}/keys")
        eventually(lambda: issuer.asked == 1)
        eventually(lambda: service.as_user(good).get("/orders").status_code == 200)
        first = without_trace(service.as_user("x").get("/orders"))
        for name, token in tokens.items():
            answer = service.as_user(token).get("/orders")
            problem(answer, 401, "invalid_token")
            assert without_trace(answer) == first, name
        assert service.as_user(good).get("/orders").status_code == 200
        assert issuer.asked == 1
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert len(tokens) > 80


def test_a_token_as_long_as_a_header_may_be_is_refused_with_the_header(sqlite_shop):
    assert sqlite_shop.client.get("/orders", headers={"Authorization": "Bearer " + "x" * 9_000}).status_code == 431


def test_a_token_is_verified_once(sqlite_shop):
    user = sqlite_shop.as_user("token-u1")
    for _ in range(5):
        assert user.get("/orders").status_code == 200
    counts = dict(re.findall(r'agora_token_verifications_total\{result="(\w+)"\} (\d+)', sqlite_shop.metrics()))
    assert counts["verified"] == "1" and counts["cached"] == "4"
    sqlite_shop.as_user("token-expired").get("/orders")
    assert 'agora_token_verifications_total{result="expired"} 1' in sqlite_shop.metrics()


def test_issuer_and_audience_are_settings(launch, folder):
    key = Key(folder, "k")
    (folder / "jwks.json").write_text(key_set(key))
    service = launch("--offers", OFFERS, "--jwks", str(folder / "jwks.json"), "--jwt-issuer", "https://id.example", "--jwt-audience", "shop")
    theirs = {"iss": "https://id.example", "aud": ["other", "shop"]}
    assert service.as_user(make_token(key, claims_of(**theirs))).get("/orders").status_code == 200
    for wrong in ({**theirs, "iss": "agora"}, {**theirs, "aud": "agora"}):
        problem(service.as_user(make_token(key, claims_of(**wrong))).get("/orders"), 401, "invalid_token")


def test_it_starts_without_the_issuer_and_the_rest_works(launch, folder, issuer):
    key = Key(folder, "k")
    service = launch("--standalone", "--demo-guests", "--jwks", issuer.url, *OFTEN)
    token = make_token(key)
    answer = service.as_user(token).get("/orders")
    problem(answer, 503, "token_verification_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    problem(service.client.get("/orders"), 401, "missing_token")
    assert place(service.client, offer="o42", price="499.99", user_id="u1").status_code == 201
    assert "no signing keys" in service.ask_internal("/readyz?verbose").text
    issuer.publish(key_set(key)).start()
    eventually(lambda: service.as_user(token).get("/orders").status_code == 200)
    assert "no signing keys" not in service.ask_internal("/readyz?verbose").text


def test_keys_are_followed_and_kept_while_the_issuer_is_down(launch, folder, issuer):
    old, new, made_since = (Key(folder, kid) for kid in ("old", "new", "made-since"))
    issuer.publish(key_set(old)).start()
    service = launch("--offers", OFFERS, "--jwks", issuer.url, *OFTEN)

    def status(key):
        return service.as_user(make_token(key)).get("/orders").status_code

    eventually(lambda: status(old) == 200)
    # An issuer that publishes no keys is a broken one, whatever it answers.
    for body, code in (("", 200), ("{", 200), ('{"keys":[]}', 200), (key_set(new), 500), (key_set(new), 302), (key_set(new) + " " * 65536, 200)):
        seen = issuer.publish(body, code).asked
        eventually(lambda: issuer.asked > seen + 2)
        assert status(old) == 200 and status(new) in (401, 503)
    issuer.publish(key_set(old, new))
    eventually(lambda: status(new) == 200)
    assert status(old) == 200
    issuer.publish(key_set(new))
    eventually(lambda: status(old) == 401)
    issuer.stop()
    eventually(lambda: status(made_since) == 503)
    assert status(new) == 200 and service.as_user("x").get("/orders").status_code == 401
    # It starts with what it last read, and cannot know of what was made since.
    service.restart()
    assert status(new) == 200
    problem(service.as_user(make_token(made_since)).get("/orders"), 503, "token_verification_unavailable")
    assert json.loads((service.data / "order.jwks.json").read_text())["keys"][0]["kid"] == "new"


def test_a_copy_that_is_damaged_is_no_copy(launch, folder, issuer):
    key = Key(folder, "k")
    issuer.publish(key_set(key)).start()
    service = launch("--offers", OFFERS, "--jwks", issuer.url, *OFTEN)
    eventually(lambda: service.as_user(make_token(key)).get("/orders").status_code == 200)
    service.kill()
    issuer.stop()
    (service.data / "order.jwks.json").write_text('{"keys":')
    service.start()
    problem(service.as_user(make_token(key)).get("/orders"), 503, "token_verification_unavailable")
    issuer.start()
    eventually(lambda: service.as_user(make_token(key)).get("/orders").status_code == 200)


def test_both_services_take_the_same_token(launch, folder, world):
    order = launch("--offers", OFFERS, *TOKENS)
    notification = launch(*TOKENS, *world.flags, "--mail", "none", name="notification")
    assert order.as_user("token-u1").get("/orders").status_code == 200
    assert notification.as_user("token-u1").get("/api/v1/notifications").status_code == 200
