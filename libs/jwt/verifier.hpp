#pragma once
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "libs/http/authenticator.hpp"
#include "libs/jwt/key_set.hpp"
#include "libs/jwt/token_cache.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::jwt {

/// Whom a bearer token speaks for, by the keys it was last given. Every token that is no good is answered the same
/// `invalid_token`; why is counted (`agora_token_verifications_total`). Nothing is fetched for a token. Without keys
/// any token is `token_verification_unavailable` (503), and so is one of an unknown key while the keys are stale: it
/// may have been made since. Thread-safe.
class Verifier final : public http::Authenticator {
 public:
  /// `cache_max`: most verified tokens kept. Clock and metrics must outlive it.
  Verifier(Expectations expectations, std::size_t cache_max, const Clock& clock, telemetry::Registry& metrics);

  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;

  /// From now on these keys count; tokens of former ones that were verified do no longer. `fresh_until`: from then on
  /// they are stale.
  void use(KeySet keys, Deadline fresh_until);
  /// The same keys are fresh for longer.
  void confirm(Deadline fresh_until);

  /// Whether there are keys, and whether they are fresh: for who looks at the process.
  bool has_keys() const;
  bool is_fresh() const;

 private:
  struct Keys {
    Keys(KeySet keys, std::size_t cache_max) : set(std::move(keys)), verified(cache_max) {}
    KeySet set;
    mutable TokenCache verified;
  };
  struct Known {
    std::shared_ptr<const Keys> keys;
    Deadline fresh_until;
  };

  Known known() const;
  Error refuse(Refusal refusal) const;

  const Expectations expectations_;
  const std::size_t cache_max_;
  const Clock& clock_;
  mutable std::mutex mutex_{};
  Known known_{};  ///< guarded by mutex_
  telemetry::Counter& verified_;
  telemetry::Counter& cached_;
  telemetry::Counter& unavailable_;
  std::array<telemetry::Counter*, kRefusalCount> refused_{};
};

}  // namespace agora::jwt
