#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/secret.hpp"
#include "libs/jwt/algorithm.hpp"
#include "libs/jwt/openssl.hpp"

namespace agora::jwt {

/// A key that tokens are signed with: ES256 or EdDSA. Its id is the thumbprint of its public half (RFC 7638), so both
/// halves know it. A value; thread-safe.
class PrivateKey {
 public:
  /// A new one. `rs256` throws std::invalid_argument: we verify others' RSA, and sign with none.
  static PrivateKey generate(Algorithm algorithm);
  /// Of a PKCS #8 PEM. Throws std::runtime_error, naming no content, when it holds no key of these.
  static PrivateKey from_pem(const Secret<std::string>& pem);
  Secret<std::string> to_pem() const;

  Algorithm algorithm() const { return algorithm_; }
  const std::string& id() const { return id_; }
  /// The public half as a JWK with kid, alg and use.
  std::string public_jwk() const;
  /// A signature in the form of RFC 7518.
  std::string sign(std::string_view message) const;

 private:
  PrivateKey(Algorithm algorithm, std::shared_ptr<EVP_PKEY> key);

  Algorithm algorithm_;
  std::shared_ptr<EVP_PKEY> key_;
  std::string id_;
};

/// What a token is made to say; the rest is as RFC 9068 wants it.
struct TokenRequest {
  std::string issuer = "agora";
  std::string audience = "agora";
  std::string subject{};
  std::vector<std::string> roles{};
  std::chrono::seconds lifetime{std::chrono::minutes{5}};
};

/// An access token, valid from `now` on.
std::string make_token(const PrivateKey& key, const TokenRequest& request, Timestamp now);

}  // namespace agora::jwt
