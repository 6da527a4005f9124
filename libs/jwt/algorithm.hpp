#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace agora::jwt {

/// The signature algorithms there are, by RFC 7518 §3.1 and RFC 8037 §3.1: ECDSA on P-256 with SHA-256, Ed25519,
/// RSASSA-PKCS1-v1_5 with SHA-256. No others, and none without a key pair.
enum class Algorithm : std::uint8_t { es256, eddsa, rs256 };

/// `ES256`, `EdDSA`, `RS256`.
constexpr std::string_view to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256:
      return "ES256";
    case Algorithm::eddsa:
      return "EdDSA";
    case Algorithm::rs256:
      return "RS256";
  }
  return "";
}

/// The names are compared to the letter (RFC 7515 §4.1.1).
constexpr std::optional<Algorithm> parse_algorithm(std::string_view name) {
  for (const auto one : {Algorithm::es256, Algorithm::eddsa, Algorithm::rs256}) {
    if (name == to_string(one)) return one;
  }
  return std::nullopt;
}

}  // namespace agora::jwt
