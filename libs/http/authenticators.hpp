#pragma once
#include <string>
#include <unordered_map>

#include "libs/http/authenticator.hpp"

namespace agora::http {

/// Nothing to verify tokens with: without a token the caller is anonymous, any token is
/// `token_verification_unavailable` (503).
class NoTokens final : public Authenticator {
 public:
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;
};

/// Tokens from a file, for tests: `{"<token>": {"subject": "u1", "roles": ["user"]}, …}`. Roles: guest, user, support,
/// admin.
class TestTokens final : public Authenticator {
 public:
  /// Throws std::runtime_error that names everything that is wrong with the file, a line each.
  static TestTokens from_file(const std::string& path);
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;

 private:
  std::unordered_map<std::string, Principal> tokens_;
};

/// Demo mode: whoever has no token is a demo guest; tokens are the next authenticator's business. `next` must outlive
/// it.
class DemoGuestAuthenticator final : public Authenticator {
 public:
  explicit DemoGuestAuthenticator(const Authenticator& next) : next_(next) {}
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;

 private:
  const Authenticator& next_;
};

}  // namespace agora::http
