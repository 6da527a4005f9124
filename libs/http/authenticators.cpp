#include "libs/http/authenticators.hpp"

#include <fstream>
#include <stdexcept>

#include <openssl/crypto.h>

namespace agora::http {
namespace {

constexpr std::size_t kServiceTokenMin = 32;

}  // namespace

Result<Principal> NoTokens::authenticate(std::optional<std::string_view> bearer) const {
  if (!bearer) return Principal{};
  return Error{Errc::unavailable, "token_verification_unavailable", "There is nothing to verify tokens with."};
}

ServiceTokens ServiceTokens::from_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  ServiceTokens tokens;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.size() < kServiceTokenMin) {
      throw std::runtime_error(path + ": a service token has at least " + std::to_string(kServiceTokenMin) +
                               " characters");
    }
    const Secret<std::string> token(line);
    tokens.tokens_.push_back(token);
  }
  if (tokens.tokens_.empty() || tokens.tokens_.size() > 2) {
    throw std::runtime_error(path + ": must hold one service token, or two while it is rotated, a line each");
  }
  return tokens;
}

Result<Principal> ServiceTokens::authenticate(std::optional<std::string_view> bearer) const {
  if (!bearer) return Principal{};
  for (const auto& token : tokens_) {
    const auto& value = token.reveal();
    if (value.size() == bearer->size() && CRYPTO_memcmp(value.data(), bearer->data(), value.size()) == 0) {
      return Principal{.kind = Principal::Kind::user, .roles = static_cast<std::uint8_t>(Role::service)};
    }
  }
  return Error{Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
}

Result<Principal> DemoGuestAuthenticator::authenticate(std::optional<std::string_view> bearer) const {
  if (bearer) return next_.authenticate(bearer);
  return Principal{.kind = Principal::Kind::demo_guest, .roles = static_cast<std::uint8_t>(Role::guest)};
}

}  // namespace agora::http
