#pragma once
#include <string>
#include <vector>

#include "libs/base/secret.hpp"
#include "libs/http/authenticator.hpp"

namespace agora::http {

/// Nothing to verify tokens with: without a token the caller is anonymous, any token is
/// `token_verification_unavailable` (503).
class NoTokens final : public Authenticator {
 public:
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;
};

/// The service token, for internal ports: a secret that our services share, from a file of one or two lines (two while
/// it is rotated). Compared in constant time.
class ServiceTokens final : public Authenticator {
 public:
  /// Throws std::runtime_error when the file cannot be read, has no or more than two lines, or one shorter than 32
  /// characters.
  static ServiceTokens from_file(const std::string& path);
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;
  /// The one to send: the first line.
  const Secret<std::string>& own() const { return tokens_.front(); }

 private:
  std::vector<Secret<std::string>> tokens_;
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
