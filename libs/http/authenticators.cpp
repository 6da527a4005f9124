#include "libs/http/authenticators.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <openssl/crypto.h>

#include "libs/base/id.hpp"
#include "libs/json/document.hpp"

namespace agora::http {
namespace {

constexpr std::size_t kServiceTokenMin = 32;

std::optional<Role> parse_role(std::string_view name) {
  if (name == "guest") return Role::guest;
  if (name == "user") return Role::user;
  if (name == "support") return Role::support;
  if (name == "admin") return Role::admin;
  return std::nullopt;
}

/// `mistakes` gets a sentence for each thing that is wrong; never the token itself.
Principal read_principal(const json::Node& node, const std::string& which, std::vector<std::string>& mistakes) {
  Principal principal{.kind = Principal::Kind::user};
  const auto subject = node.member("subject");
  if (subject && subject->kind() == json::Kind::string) principal.subject = subject->text();
  if (!is_id(principal.subject)) mistakes.push_back(which + " needs a subject, 1 to 64 of A-Z a-z 0-9 _ -");
  const auto roles = node.member("roles");
  if (!roles || roles->kind() != json::Kind::array) {
    mistakes.push_back(which + " needs roles, an array");
    return principal;
  }
  for (auto name = roles->first(); name; name = name->next()) {
    const auto role = name->kind() == json::Kind::string ? parse_role(name->text()) : std::nullopt;
    if (role) principal.roles |= static_cast<std::uint8_t>(*role);
    if (!role) mistakes.push_back(which + " has a role that is none of guest, user, support and admin");
  }
  return principal;
}

}  // namespace

Result<Principal> NoTokens::authenticate(std::optional<std::string_view> bearer) const {
  if (!bearer) return Principal{};
  return Error{Errc::unavailable, "token_verification_unavailable", "There is nothing to verify tokens with."};
}

TestTokens TestTokens::from_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << in.rdbuf();
  const auto document = json::Document::parse(text.str());
  if (!document || document->root().kind() != json::Kind::object) {
    throw std::runtime_error(path + R"(: must be a JSON object {"<token>": {"subject": …, "roles": […]}})");
  }
  TestTokens tokens;
  std::vector<std::string> mistakes;
  for (auto member = document->root().first(); member; member = member->next()) {
    const auto which = "token number " + std::to_string(tokens.tokens_.size() + 1);
    tokens.tokens_.emplace(member->key(), read_principal(*member, which, mistakes));
  }
  if (!mistakes.empty()) {
    std::string message = path + ":";
    for (const auto& mistake : mistakes) message += "\n  " + mistake;
    throw std::runtime_error(message);
  }
  return tokens;
}

Result<Principal> TestTokens::authenticate(std::optional<std::string_view> bearer) const {
  if (!bearer) return Principal{};
  const auto found = tokens_.find(std::string(*bearer));
  if (found == tokens_.end()) return Error{Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
  return found->second;
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
