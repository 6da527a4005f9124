"""agora keys new, agora tokens make: keys that stay private, tokens that services take and openssl can verify."""

import base64
import json
import os
import stat
import subprocess
import time

import pytest

from support.service import BUILD, OFFERS, problem
from support.tokens import openssl

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))
SECONDS_AROUND = 5


def agora(*arguments):
    done = subprocess.run([AGORA, *map(str, arguments)], capture_output=True, text=True, env={**os.environ, "AGORA_JWT_ISSUER": "agora"})
    return done.returncode, done.stdout.strip(), done.stderr


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def keys_new(folder, name, *flags):
    code, out, told = agora("keys", "new", "--key", folder / name, "--jwks", folder / "jwks.json", *flags)
    assert code == 0, told
    return out


def der_of(pair):
    """ASN.1 of r and s, 32 bytes each."""
    numbers = b""
    for number in (pair[:32], pair[32:]):
        number = number.lstrip(b"\0")
        number = b"\0" + number if number[0] & 0x80 else number
        numbers += bytes([0x02, len(number)]) + number
    return bytes([0x30, len(numbers)]) + numbers


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_a_made_token_is_what_it_says_and_openssl_verifies_it(launch, folder, alg):
    made = json.loads(keys_new(folder, "k.pem", "--alg", alg, "--json"))
    code, token, _ = agora("tokens", "make", "--key", folder / "k.pem", "--subject", "u7", "--roles", "user,support", "--lifetime", "90s")
    assert code == 0
    head, payload, signature = token.split(".")
    assert json.loads(decoded(head)) == {"alg": alg, "typ": "at+jwt", "kid": made["kid"]}
    claims = json.loads(decoded(payload))
    assert abs(claims.pop("iat") - time.time()) < SECONDS_AROUND and abs(claims.pop("exp") - time.time() - 90) < SECONDS_AROUND
    assert len(claims.pop("jti")) == 36
    assert claims == {"iss": "agora", "aud": "agora", "sub": "u7", "roles": ["user", "support"]}

    public, message, raw = folder / "public.pem", folder / "message", folder / "signature"
    openssl("pkey", "-in", str(folder / "k.pem"), "-pubout", "-out", str(public))
    message.write_text(f"{head}.{payload}")
    raw.write_bytes(der_of(decoded(signature)) if alg == "ES256" else decoded(signature))
    if alg == "ES256":
        assert b"OK" in openssl("dgst", "-sha256", "-verify", str(public), "-signature", str(raw), str(message))
    else:
        assert b"Success" in openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(public), "-sigfile", str(raw), "-in", str(message))

    service = launch("--offers", OFFERS, "--jwks", str(folder / "jwks.json"))
    assert service.as_user(token).get("/orders").status_code == 200


def test_a_second_key_joins_the_set_and_the_first_stays(launch, folder):
    for name in ("old.pem", "new.pem"):
        keys_new(folder, name)
    keys = json.loads((folder / "jwks.json").read_text())["keys"]
    assert len({key["kid"] for key in keys}) == 2 and not any("d" in key for key in keys)
    service = launch("--offers", OFFERS, "--jwks", str(folder / "jwks.json"))
    for name in ("old.pem", "new.pem"):
        _, token, _ = agora("tokens", "make", "--key", folder / name, "--subject", "u1")
        assert service.as_user(token).get("/orders").status_code == 200
    code, _, _ = agora("keys", "new", "--key", folder / "other.pem", "--jwks", folder / "other.json")
    assert code == 0
    _, token, _ = agora("tokens", "make", "--key", folder / "other.pem", "--subject", "u1")
    problem(service.as_user(token).get("/orders"), 401, "invalid_token")


@pytest.mark.no_audit
def test_a_private_key_is_its_owners_alone_and_never_replaced(folder):
    keys_new(folder, "k.pem")
    assert stat.S_IMODE((folder / "k.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "jwks.json").stat().st_mode) == 0o644
    before = (folder / "k.pem").read_text(), (folder / "jwks.json").read_text()
    code, _, told = agora("keys", "new", "--key", folder / "k.pem", "--jwks", folder / "jwks.json")
    assert code == 2 and "never replaced" in told
    assert ((folder / "k.pem").read_text(), (folder / "jwks.json").read_text()) == before


@pytest.mark.no_audit
@pytest.mark.parametrize("arguments,told", [
    (("keys", "new"), "--key and --jwks"), (("keys", "new", "--key", "k", "--jwks", "j", "--alg", "RS256"), "--alg"), (("keys",), "agora keys new"),
    (("keys", "old"), "agora keys new"), (("tokens",), "agora tokens make"), (("tokens", "make"), "--subject"), (("tokens", "make", "--subject", "u 1"), "--subject"),
    (("tokens", "make", "--subject", "u1", "--roles", "service"), "--roles"), (("tokens", "make", "--subject", "u1", "--lifetime", "25h"), "lifetime"),
    (("tokens", "make", "--subject", "u1", "--data", "/nonexistent"), "demo-signing-key.pem"), (("tokens", "make", "--subject", "u1", "--key", "/dev/null"), "no private key"),
])
def test_what_cannot_be_is_told(folder, arguments, told):
    code, out, words = agora(*arguments)
    assert code == 2 and out == "" and told in words


@pytest.mark.no_audit
def test_a_set_that_is_none_is_left_alone(folder):
    (folder / "jwks.json").write_text("{}")
    code, _, told = agora("keys", "new", "--key", folder / "k.pem", "--jwks", folder / "jwks.json")
    assert code == 2 and "JWK set" in told and (folder / "jwks.json").read_text() == "{}"
    assert not (folder / "k.pem").exists()
