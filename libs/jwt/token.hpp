#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "libs/base/clock.hpp"
#include "libs/base/ctx.hpp"
#include "libs/jwt/key_set.hpp"

namespace agora::jwt {

/// Most bytes of a token.
inline constexpr std::size_t kTokenBytesMax = 8 * 1'024;
/// Most that two clocks may differ.
inline constexpr std::chrono::seconds kClockSkewMax{60};

/// What a token must say to be for us.
struct Expectations {
  std::string issuer = "agora";
  std::string audience = "agora";
  std::chrono::milliseconds clock_skew{kClockSkewMax};
};

/// What a verified token says.
struct Claims {
  std::string subject;
  std::uint8_t roles = 0;  ///< of Role
  Timestamp expires{};     ///< as the token has it, without skew
};

/// Why a token is refused. For metrics and tests: whoever sent it is told nothing of it.
enum class Refusal : std::uint8_t {
  malformed,      ///< not three parts of base64url, too long, or no JSON
  header,         ///< a header parameter that is missing or must not be
  algorithm,      ///< none of ours, or not the key's
  type,           ///< another kind of token
  unknown_key,    ///< no key of this id
  signature,      ///< not the key's
  claims,         ///< one is missing or of a wrong type
  issuer,         ///< not who we trust
  audience,       ///< for others
  expired,        ///< over
  not_yet_valid,  ///< not begun, or issued in the future
};
inline constexpr std::size_t kRefusalCount = 11;

/// snake_case name of the enumerator.
std::string_view to_string(Refusal refusal);

/// An access token as RFC 9068 has it: JWS compact serialization (RFC 7515 §3.1), verified as RFC 8725 advises. The
/// key is found by `kid`, and the algorithm is the key's; the header must agree. Nothing that the token brings with it
/// is fetched or trusted (`jku`, `jwk`, `x5u`, `x5c` are refused, as are `crit` and `b64`). Claims are read after the
/// signature held: iss, aud, sub, jti, iat, exp and roles are wanted, nbf is heeded; what else there is, and roles that
/// we do not have, count for nothing. Thread-safe.
std::variant<Claims, Refusal> verify(std::string_view token, const KeySet& keys, const Expectations& expectations,
                                     Timestamp now);

/// The second half of it: the claims of a payload whose signature held.
std::variant<Claims, Refusal> read_claims(std::string_view payload, const Expectations& expectations, Timestamp now);

/// The role that a token may give: guest, user, support, admin. None for others; `service` is no token's to give.
std::optional<Role> parse_role(std::string_view name);

}  // namespace agora::jwt
