#include "libs/jwt/verifier.hpp"

namespace agora::jwt {
namespace {

telemetry::Counter& counter(telemetry::Registry& metrics, std::string_view result) {
  return metrics.counter("agora_token_verifications_total", "Bearer tokens looked at, by what became of them.",
                         {{"result", std::string(result)}});
}

Principal principal_of(Claims claims, std::chrono::milliseconds clock_skew) {
  return {.kind = Principal::Kind::user,
          .roles = claims.roles,
          .subject = std::move(claims.subject),
          .expires = claims.expires + clock_skew};
}

}  // namespace

Verifier::Verifier(Expectations expectations, std::size_t cache_max, const Clock& clock, telemetry::Registry& metrics)
    : expectations_(std::move(expectations)),
      cache_max_(cache_max),
      clock_(clock),
      verified_(counter(metrics, "verified")),
      cached_(counter(metrics, "cached")),
      unavailable_(counter(metrics, "unavailable")) {
  for (std::size_t i = 0; i < kRefusalCount; ++i) {
    refused_[i] = &counter(metrics, to_string(static_cast<Refusal>(i)));
  }
}

Result<Principal> Verifier::authenticate(std::optional<std::string_view> bearer) const {
  if (!bearer) return Principal{};
  const auto [keys, fresh_until] = known();
  const auto cannot_say = [this](std::string_view why) {
    unavailable_.add();
    return Error{Errc::unavailable, "token_verification_unavailable", std::string(why)};
  };
  if (!keys) return cannot_say("There is nothing to verify tokens with.");
  if (bearer->size() > kTokenBytesMax) return refuse(Refusal::malformed);

  const auto now = clock_.now();
  const auto hash = sql::sha256(*bearer);
  if (auto claims = keys->verified.find(hash)) {
    if (now < claims->expires + expectations_.clock_skew) {
      cached_.add();
      return principal_of(*std::move(claims), expectations_.clock_skew);
    }
    keys->verified.remove(hash);
    return refuse(Refusal::expired);
  }
  auto verdict = verify(*bearer, keys->set, expectations_, now);
  if (const auto* refusal = std::get_if<Refusal>(&verdict)) {
    const bool is_stale = std::chrono::steady_clock::now() >= fresh_until;
    if (*refusal == Refusal::unknown_key && is_stale)
      return cannot_say("The keys that tokens are verified with are old.");
    return refuse(*refusal);
  }
  verified_.add();
  auto& claims = std::get<Claims>(verdict);
  keys->verified.add(hash, claims);
  return principal_of(std::move(claims), expectations_.clock_skew);
}

void Verifier::use(KeySet keys, Deadline fresh_until) {
  const auto made = std::make_shared<const Keys>(std::move(keys), cache_max_);
  const std::lock_guard lock(mutex_);
  known_ = {made, fresh_until};
}

void Verifier::confirm(Deadline fresh_until) {
  const std::lock_guard lock(mutex_);
  known_.fresh_until = fresh_until;
}

bool Verifier::has_keys() const {
  return known().keys != nullptr;
}

bool Verifier::is_fresh() const {
  const auto [keys, fresh_until] = known();
  return keys != nullptr && std::chrono::steady_clock::now() < fresh_until;
}

Verifier::Known Verifier::known() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

Error Verifier::refuse(Refusal refusal) const {
  refused_[static_cast<std::size_t>(refusal)]->add();
  return {Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
}

}  // namespace agora::jwt
