#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"

namespace agora::http {

/// Who a request's bearer token speaks for. Called on the io thread for rows that are not anonymous; thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// `bearer`: the token, none when the request has no Authorization header. No token → an anonymous principal (or a
  /// demo guest). "No": unauthenticated `invalid_token`; unavailable `token_verification_unavailable` when there is
  /// nothing to verify with.
  virtual Result<Principal> authenticate(std::optional<std::string_view> bearer) const = 0;
};

}  // namespace agora::http
