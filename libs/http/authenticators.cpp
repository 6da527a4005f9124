#include "libs/http/authenticators.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "libs/base/id.hpp"
#include "libs/json/document.hpp"

namespace agora::http {
namespace {

std::optional<Role> parse_role(std::string_view name) {
  if (name == "guest") return Role::guest;
  if (name == "user") return Role::user;
  if (name == "support") return Role::support;
  if (name == "admin") return Role::admin;
  return std::nullopt;
}

Principal read_principal(const json::Node& node, const std::string& path) {
  Principal principal{.kind = Principal::Kind::user};
  for (auto member = node.first(); member; member = member->next()) {
    if (member->key() == "subject" && member->kind() == json::Kind::string) principal.subject = member->text();
    if (member->key() != "roles" || member->kind() != json::Kind::array) continue;
    for (auto name = member->first(); name; name = name->next()) {
      const auto role = parse_role(name->text());
      if (!role) throw std::runtime_error(path + ": roles are guest, user, support and admin");
      principal.roles |= static_cast<std::uint8_t>(*role);
    }
  }
  if (!is_id(principal.subject))
    throw std::runtime_error(path + ": every token needs a subject, 1 to 64 of A-Z a-z 0-9 _ -");
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
  for (auto member = document->root().first(); member; member = member->next()) {
    tokens.tokens_.emplace(member->key(), read_principal(*member, path));
  }
  return tokens;
}

Result<Principal> TestTokens::authenticate(std::optional<std::string_view> bearer) const {
  if (!bearer) return Principal{};
  const auto found = tokens_.find(std::string(*bearer));
  if (found == tokens_.end()) return Error{Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
  return found->second;
}

Result<Principal> DemoGuestAuthenticator::authenticate(std::optional<std::string_view> bearer) const {
  if (bearer) return next_.authenticate(bearer);
  return Principal{.kind = Principal::Kind::demo_guest, .roles = static_cast<std::uint8_t>(Role::guest)};
}

}  // namespace agora::http
