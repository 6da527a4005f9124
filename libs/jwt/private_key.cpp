#include "libs/jwt/private_key.hpp"

#include <array>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "libs/base/base64url.hpp"
#include "libs/base/id.hpp"
#include "libs/json/writer.hpp"
#include "libs/sql/sha256.hpp"

namespace agora::jwt {
namespace {

constexpr std::size_t kCoordinateBytes = 32;

std::string coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  must(EVP_PKEY_get_bn_param(key, name, &number) == 1, "read a coordinate");
  const Bignum owned(number);
  std::string bytes(kCoordinateBytes, '\0');
  must(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), kCoordinateBytes) == kCoordinateBytes,
       "write a coordinate");
  return to_base64url(bytes);
}

std::string raw_public(EVP_PKEY* key) {
  std::string bytes(kCoordinateBytes, '\0');
  auto size = bytes.size();
  must(EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &size) == 1,
       "read a public key");
  return to_base64url(bytes);
}

/// The members that make the key, in the order of their names: what is hashed for its id (RFC 7638 §3.2).
void add_members(json::Writer& json, Algorithm algorithm, EVP_PKEY* key) {
  if (algorithm == Algorithm::es256) {
    json.member("crv", "P-256").member("kty", "EC");
    json.member("x", coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X)).member("y", coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y));
  } else {
    json.member("crv", "Ed25519").member("kty", "OKP").member("x", raw_public(key));
  }
}

/// r and s, 32 bytes each, of the ASN.1 that OpenSSL gives.
std::string from_der(std::string_view der) {
  const auto* at = bytes_of(der);
  const Signature pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  must(pair != nullptr, "read its own signature");
  std::string out(2 * kCoordinateBytes, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  must(BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), bytes, kCoordinateBytes) == kCoordinateBytes &&
           BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), bytes + kCoordinateBytes, kCoordinateBytes) == kCoordinateBytes,
       "write a signature");
  return out;
}

bool is_p256(EVP_PKEY* key) {
  std::array<char, 32> group{};
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == "prime256v1";
}

}  // namespace

PrivateKey::PrivateKey(Algorithm algorithm, std::shared_ptr<EVP_PKEY> key)
    : algorithm_(algorithm), key_(std::move(key)) {
  std::string members;
  json::Writer json(members);
  json.begin_object();
  add_members(json, algorithm_, key_.get());
  json.end_object();
  const auto hash = sql::sha256(members);
  id_ = to_base64url({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

PrivateKey PrivateKey::generate(Algorithm algorithm) {
  if (algorithm == Algorithm::rs256) throw std::invalid_argument("tokens are signed with ES256 or EdDSA");
  EVP_PKEY* made = algorithm == Algorithm::es256 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "prime256v1")
                                                 : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  must(made != nullptr, "make a key");
  return PrivateKey(algorithm, std::shared_ptr<EVP_PKEY>(made, EVP_PKEY_free));
}

PrivateKey PrivateKey::from_pem(const Secret<std::string>& pem) {
  const auto& text = pem.reveal();
  const Bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  must(in != nullptr, "read a key");
  // No password is asked for: an empty one is given.
  char none[] = "";
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, none), EVP_PKEY_free);
  if (key && is_p256(key.get())) return PrivateKey(Algorithm::es256, std::move(key));
  if (key && EVP_PKEY_is_a(key.get(), "ED25519") == 1) return PrivateKey(Algorithm::eddsa, std::move(key));
  throw std::runtime_error("this is no private key for ES256 (P-256) or EdDSA (Ed25519), in PEM without a password");
}

Secret<std::string> PrivateKey::to_pem() const {
  const Bio out(BIO_new(BIO_s_secmem()));
  must(out && PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "write a key");
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return Secret<std::string>(std::string(data, static_cast<std::size_t>(size)));
}

std::string PrivateKey::public_jwk() const {
  std::string out;
  json::Writer json(out);
  json.begin_object().member("kid", id_).member("alg", to_string(algorithm_)).member("use", "sig");
  add_members(json, algorithm_, key_.get());
  json.end_object();
  return out;
}

std::string PrivateKey::sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  const char* digest = algorithm_ == Algorithm::eddsa ? nullptr : "SHA256";
  must(context && EVP_DigestSignInit_ex(context.get(), nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1,
       "sign");
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  auto size = signature.size();
  must(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(message),
                      message.size()) == 1,
       "sign");
  signature.resize(size);
  return algorithm_ == Algorithm::es256 ? from_der(signature) : signature;
}

std::string make_token(const PrivateKey& key, const TokenRequest& request, Timestamp now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  std::string header;
  json::Writer(header)
      .begin_object()
      .member("alg", to_string(key.algorithm()))
      .member("typ", "at+jwt")
      .member("kid", key.id())
      .end_object();
  std::string payload;
  json::Writer json(payload);
  json.begin_object()
      .member("iss", request.issuer)
      .member("sub", request.subject)
      .member("aud", request.audience)
      .member("exp", std::int64_t{(seconds + request.lifetime).count()})
      .member("iat", std::int64_t{seconds.count()})
      .member("jti", new_uuid_v7(now))
      .key("roles")
      .begin_array();
  for (const auto& role : request.roles) json.value(role);
  json.end_array().end_object();
  const auto signed_part = to_base64url(header) + "." + to_base64url(payload);
  return signed_part + "." + to_base64url(key.sign(signed_part));
}

}  // namespace agora::jwt
