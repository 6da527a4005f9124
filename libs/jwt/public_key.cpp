#include "libs/jwt/public_key.hpp"

#include <algorithm>

#include <openssl/core_names.h>

namespace agora::jwt {
namespace {

constexpr std::size_t kCoordinateBytes = 32;
constexpr std::size_t kEd25519Bytes = 32;
constexpr std::size_t kRsaExponentBytesMax = 8;

/// Order of P-256's group (SEC 2 §2.4.2).
constexpr std::string_view kOrder{
    "\xFF\xFF\xFF\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
    "\xBC\xE6\xFA\xAD\xA7\x17\x9E\x84\xF3\xB9\xCA\xC2\xFC\x63\x25\x51",
    kCoordinateBytes};

/// The key of some parameters, checked as the algorithm can be; none when they make none.
std::shared_ptr<EVP_PKEY> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  must(params && context && EVP_PKEY_fromdata_init(context.get()) == 1, "take a public key");
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return nullptr;
  std::shared_ptr<EVP_PKEY> key(made, EVP_PKEY_free);
  const PkeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  must(check != nullptr, "check a public key");
  if (EVP_PKEY_public_check(check.get()) != 1) return nullptr;
  return key;
}

bool is_scalar(std::string_view number) {
  const bool is_zero = std::all_of(number.begin(), number.end(), [](char c) { return c == 0; });
  return !is_zero && std::lexicographical_compare(
                         number.begin(), number.end(), kOrder.begin(), kOrder.end(),
                         [](char a, char b) { return static_cast<unsigned char>(a) < static_cast<unsigned char>(b); });
}

/// ASN.1 of r and s, which OpenSSL takes; none when they are out of range or not 64 bytes.
std::optional<std::string> to_der(std::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return std::nullopt;
  const auto r = signature.substr(0, kCoordinateBytes);
  const auto s = signature.substr(kCoordinateBytes);
  if (!is_scalar(r) || !is_scalar(s)) return std::nullopt;
  const Signature pair(ECDSA_SIG_new());
  Bignum r_number(BN_bin2bn(bytes_of(r), kCoordinateBytes, nullptr));
  Bignum s_number(BN_bin2bn(bytes_of(s), kCoordinateBytes, nullptr));
  must(pair && r_number && s_number && ECDSA_SIG_set0(pair.get(), r_number.get(), s_number.get()) == 1,
       "take a signature");
  // They are the pair's now.
  static_cast<void>(r_number.release());
  static_cast<void>(s_number.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  must(size > 0, "encode a signature");
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::optional<PublicKey> PublicKey::p256(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return std::nullopt;
  const auto point = "\x04" + std::string(x) + std::string(y);
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  must(builder && OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
           OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1,
       "take a point");
  auto key = key_from("EC", builder.get());
  if (!key) return std::nullopt;
  return PublicKey(Algorithm::es256, std::move(key));
}

std::optional<PublicKey> PublicKey::ed25519(std::string_view x) {
  if (x.size() != kEd25519Bytes) return std::nullopt;
  std::shared_ptr<EVP_PKEY> key(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, bytes_of(x), kEd25519Bytes),
                                EVP_PKEY_free);
  if (!key) return std::nullopt;
  return PublicKey(Algorithm::eddsa, std::move(key));
}

std::optional<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > kRsaBitsMax / 8 || exponent.size() > kRsaExponentBytesMax) return std::nullopt;
  const Bignum n(BN_bin2bn(bytes_of(modulus), static_cast<int>(modulus.size()), nullptr));
  const Bignum e(BN_bin2bn(bytes_of(exponent), static_cast<int>(exponent.size()), nullptr));
  must(n && e, "take a number");
  if (BN_num_bits(n.get()) < kRsaBitsMin || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1) return std::nullopt;
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  must(builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
           OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
       "take an RSA key");
  auto key = key_from("RSA", builder.get());
  if (!key) return std::nullopt;
  return PublicKey(Algorithm::rs256, std::move(key));
}

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
  std::optional<std::string> der;
  if (algorithm_ == Algorithm::es256) {
    der = to_der(signature);
    if (!der) return false;
    signature = *der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const char* digest = algorithm_ == Algorithm::eddsa ? nullptr : "SHA256";
  must(context && EVP_DigestVerifyInit_ex(context.get(), nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1,
       "verify a signature");
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

}  // namespace agora::jwt
