#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/jwt/public_key.hpp"

namespace agora::jwt {

/// Most bytes of a key set, and most keys looked at.
inline constexpr std::size_t kKeySetBytesMax = 64 * 1'024;
inline constexpr std::size_t kKeysMax = 32;

/// The keys of an issuer by their ids. Immutable; thread-safe.
class KeySet {
 public:
  /// Reads a JWK set (RFC 7517 §5; P-256 by RFC 7518 §6.2, Ed25519 by RFC 8037 §2, RSA by RFC 7518 §6.3). A key is
  /// passed over that has no id, another type or curve, a use other than `sig`, an algorithm other than its type's, a
  /// private part, or values that make no key. "No", unavailable `unusable_key_set`: no JSON, too large, an id twice,
  /// or not one key that can be used.
  static Result<KeySet> parse(std::string_view text);

  /// The key of an id, compared to the byte; null when there is none. Lives as long as the set.
  const PublicKey* find(std::string_view id) const;
  std::size_t size() const { return keys_.size(); }

 private:
  std::vector<std::pair<std::string, PublicKey>> keys_;
};

}  // namespace agora::jwt
