#pragma once
#include <memory>
#include <optional>
#include <string_view>

#include "libs/jwt/algorithm.hpp"
#include "libs/jwt/openssl.hpp"

namespace agora::jwt {

/// Smallest and largest RSA modulus: below, it can be factored (RFC 7518 §3.3); above, a verification costs too much.
inline constexpr int kRsaBitsMin = 2'048;
inline constexpr int kRsaBitsMax = 8'192;

/// A key that signatures are verified with, for one algorithm. A value, cheap to copy; thread-safe.
class PublicKey {
 public:
  /// Coordinates of 32 bytes each; none when they are no point of P-256.
  static std::optional<PublicKey> p256(std::string_view x, std::string_view y);
  /// 32 bytes.
  static std::optional<PublicKey> ed25519(std::string_view x);
  /// Modulus and exponent, big-endian; none outside the sizes above, or with an exponent that is even or below 3.
  static std::optional<PublicKey> rsa(std::string_view modulus, std::string_view exponent);

  Algorithm algorithm() const { return algorithm_; }

  /// Whether `signature` is one of `message`, in the form of RFC 7518: for ES256 r and s, 32 bytes each and both in
  /// [1, n − 1], never DER.
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  PublicKey(Algorithm algorithm, std::shared_ptr<EVP_PKEY> key) : algorithm_(algorithm), key_(std::move(key)) {}

  Algorithm algorithm_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace agora::jwt
