"""Signing keys and access tokens, made by the openssl command: what the services verify was not made by our own code."""

import atexit
import base64
import functools
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid

LIFETIME_SECONDS = 3600
RSA_BITS = 2048
# The first bytes of a DER SEQUENCE and INTEGER.
SEQUENCE, INTEGER = 0x30, 0x02
COORDINATE_BYTES = 32


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


class Key:
    """A key pair for ES256, EdDSA or RS256."""

    def __init__(self, folder, kid, alg="ES256"):
        self.kid, self.alg = kid, alg
        self.file = pathlib.Path(folder) / f"{uuid.uuid4()}.pem"
        kind = {"ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "EdDSA": ["ED25519"], "RS256": ["RSA", "-pkeyopt", f"rsa_keygen_bits:{RSA_BITS}"]}
        openssl("genpkey", "-algorithm", *kind[alg], "-out", str(self.file))

    @functools.cached_property
    def public_der(self):
        return openssl("pkey", "-in", str(self.file), "-pubout", "-outform", "DER")

    def jwk(self):
        members = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if self.alg == "RS256":
            modulus = openssl("rsa", "-in", str(self.file), "-noout", "-modulus").decode().strip().removeprefix("Modulus=")
            return {**members, "kty": "RSA", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}
        if self.alg == "EdDSA":
            return {**members, "kty": "OKP", "crv": "Ed25519", "x": base64url(self.public_der[-COORDINATE_BYTES:])}
        x, y = self.public_der[-2 * COORDINATE_BYTES:-COORDINATE_BYTES], self.public_der[-COORDINATE_BYTES:]
        return {**members, "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)}

    def sign_der(self, message):
        """As openssl writes it: for ES256 ASN.1."""
        if self.alg != "EdDSA":
            return openssl("dgst", "-sha256", "-sign", str(self.file), data=message)
        with tempfile.NamedTemporaryFile() as file:
            file.write(message)
            file.flush()
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(self.file), "-in", file.name)

    def sign(self, message):
        signature = self.sign_der(message)
        return raw_pair(signature) if self.alg == "ES256" else signature


def raw_pair(der):
    """r and s of an ECDSA signature, 32 bytes each (RFC 7518 §3.4)."""
    assert der[0] == SEQUENCE and der[2] == INTEGER
    r_end = 4 + der[3]
    assert der[r_end] == INTEGER
    numbers = der[4:r_end], der[r_end + 2:]
    return b"".join(int.from_bytes(number, "big").to_bytes(COORDINATE_BYTES, "big") for number in numbers)


def key_set(*keys):
    return json.dumps({"keys": [key.jwk() for key in keys]})


def claims_of(subject="u1", roles=("user",), now=None, **changes):
    now = int(time.time() if now is None else now)
    claims = {"iss": "agora", "aud": "agora", "sub": subject, "jti": str(uuid.uuid4()), "iat": now, "exp": now + LIFETIME_SECONDS, "roles": roles}
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def header_of(key, **changes):
    header = {"alg": key.alg, "typ": "at+jwt", "kid": key.kid}
    return {name: value for name, value in {**header, **changes}.items() if value is not None}


def signed_part(header, claims):
    """Texts stay as they are; documents become JSON."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    return ".".join(base64url(text.encode()) for text in texts)


def make_token(key, claims=None, header=None):
    part = signed_part(header_of(key) if header is None else header, claims_of() if claims is None else claims)
    return f"{part}.{base64url(key.sign(part.encode()))}"


@functools.cache
def _keys():
    folder = tempfile.mkdtemp(prefix="agora-keys-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def signing_key():
    return Key(_keys(), "test-key")


@functools.cache
def _key_set_file():
    file = pathlib.Path(_keys()) / "jwks.json"
    file.write_text(key_set(signing_key()))
    return str(file)


class _Flags:
    """`*TOKENS` on a command line: made when it is first wanted."""

    def __iter__(self):
        return iter(("--jwks", _key_set_file()))


TOKENS = _Flags()
NAMED = {
    "token-u1": ("u1", ("user",)),
    "token-u2": ("u2", ("user",)),
    "token-m1": ("m1", ("user",)),
    "token-m2": ("m2", ("user",)),
    "token-guest": ("g1", ("guest",)),
    "token-support": ("support1", ("user", "support")),
    "token-admin": ("admin1", ("user", "admin")),
    "token-erased": ("e1", ("user",)),
    "token-other-guest": ("g2", ("guest",)),
    # Roles that no token can give.
    "token-claiming-service": ("c1", ("service",)),
    "token-claiming-nothing": ("c2", ()),
    "token-claiming-rubbish": ("c3", ("root", "seller", "Support")),
}


@functools.cache
def _named(name, hour):
    """Of this hour and the next."""
    subject, roles = NAMED[name]
    return make_token(signing_key(), claims_of(subject, roles, exp=(hour + 2) * LIFETIME_SECONDS))


def bearer(name):
    """The token of a name; what is no name stays as it is."""
    if name == "token-expired":
        return make_token(signing_key(), claims_of(now=time.time() - 2 * LIFETIME_SECONDS))
    return _named(name, int(time.time()) // LIFETIME_SECONDS) if name in NAMED else name


def many_tokens(subjects, lifetime=LIFETIME_SECONDS):
    """A token for each, without a process for each: the signatures share one nonce, which gives the key away to whoever has two of them. It signs nothing else."""
    key = Key(_keys(), "test-key-of-many")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
    text = openssl("ec", "-in", str(key.file), "-noout", "-text").decode()
    secret = int("".join(text.partition("priv:")[2].partition("pub:")[0].split()).replace(":", ""), 16)

    def digest(message):
        return int.from_bytes(hashlib.sha256(message).digest(), "big")

    def numbers(signature):
        return int.from_bytes(signature[:COORDINATE_BYTES], "big"), int.from_bytes(signature[COORDINATE_BYTES:], "big")

    r, s = numbers(key.sign(b"one"))
    nonce_inverse = pow(pow(s, -1, order) * (digest(b"one") + r * secret), -1, order)

    def token(subject):
        part = signed_part(header_of(key), claims_of(subject, exp=int(time.time()) + lifetime))
        s = nonce_inverse * (digest(part.encode()) + r * secret) % order
        return f"{part}.{base64url(r.to_bytes(COORDINATE_BYTES, 'big') + s.to_bytes(COORDINATE_BYTES, 'big'))}"

    return key_set(signing_key(), key), {subject: token(subject) for subject in subjects}
