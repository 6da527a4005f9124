#pragma once
#include <map>
#include <optional>
#include <string>

#include "libs/base/base64url.hpp"
#include "libs/jwt/private_key.hpp"

namespace agora::jwt {

/// A token with one thing wrong: members as JSON text, to be changed or erased before it is signed.
struct Forge {
  explicit Forge(const PrivateKey& signer) : key(signer) {
    header = {{"alg", quoted(to_string(signer.algorithm()))}, {"typ", R"("at+jwt")"}, {"kid", quoted(signer.id())}};
  }

  static std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

  static std::string object(const std::map<std::string, std::string>& members) {
    std::string text = "{";
    for (const auto& [name, value] : members) text += (text.size() > 1 ? ",\"" : "\"") + name + "\":" + value;
    return text + "}";
  }

  std::string signed_part() const {
    return to_base64url(header_text.value_or(object(header))) + "." +
           to_base64url(payload_text.value_or(object(payload)));
  }
  std::string token() const { return signed_part() + "." + to_base64url(key.sign(signed_part())); }

  Forge& set(const std::string& name, std::string value) {
    payload[name] = std::move(value);
    return *this;
  }
  Forge& without(const std::string& name) {
    payload.erase(name);
    return *this;
  }
  Forge& head(const std::string& name, std::string value) {
    header[name] = std::move(value);
    return *this;
  }
  Forge& headless(const std::string& name) {
    header.erase(name);
    return *this;
  }

  const PrivateKey& key;
  std::map<std::string, std::string> header{};
  std::map<std::string, std::string> payload{
      {"iss", R"("agora")"}, {"aud", R"("agora")"}, {"sub", R"("u1")"},       {"jti", R"("t1")"},
      {"iat", "1000000"},    {"exp", "1000300"},    {"roles", R"(["user"])"},
  };
  std::optional<std::string> header_text{};  ///< instead of the members
  std::optional<std::string> payload_text{};
};

}  // namespace agora::jwt
