#include "libs/jwt/token.hpp"

#include <charconv>

#include "libs/base/base64url.hpp"
#include "libs/base/id.hpp"
#include "libs/json/document.hpp"

namespace agora::jwt {
namespace {

constexpr std::size_t kValuesMax = 200;
constexpr std::size_t kIdBytesMax = 128;
/// The end of the year 9999, in seconds: nothing is valid longer, and nothing overflows.
constexpr std::int64_t kSecondsMax = 253'402'300'799;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_part;
};

std::optional<Parts> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

std::optional<json::Document> object_in(std::string_view text) {
  auto document = json::Document::parse(text, kValuesMax);
  if (!document || document->root().kind() != json::Kind::object) return std::nullopt;
  return *std::move(document);
}

std::optional<std::string_view> text_of(const json::Node& object, std::string_view name) {
  const auto member = object.member(name);
  if (!member || member->kind() != json::Kind::string) return std::nullopt;
  return member->text();
}

/// A NumericDate (RFC 7519 §2), in whole seconds as our issuers write it.
std::optional<Timestamp> time_of(const json::Node& object, std::string_view name) {
  const auto member = object.member(name);
  if (!member || member->kind() != json::Kind::number) return std::nullopt;
  const auto text = member->text();
  std::int64_t seconds = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > kSecondsMax) {
    return std::nullopt;
  }
  return Timestamp(std::chrono::seconds(seconds));
}

/// One audience, or an array of them (RFC 7519 §4.1.3). None when it is neither.
std::optional<bool> is_for(const json::Node& payload, std::string_view audience) {
  const auto member = payload.member("aud");
  if (!member) return std::nullopt;
  if (member->kind() == json::Kind::string) return member->text() == audience;
  if (member->kind() != json::Kind::array) return std::nullopt;
  bool found = false;
  for (auto one = member->first(); one; one = one->next()) {
    if (one->kind() != json::Kind::string) return std::nullopt;
    found = found || one->text() == audience;
  }
  return found;
}

std::optional<std::uint8_t> roles_of(const json::Node& payload) {
  const auto member = payload.member("roles");
  if (!member || member->kind() != json::Kind::array) return std::nullopt;
  std::uint8_t roles = 0;
  for (auto one = member->first(); one; one = one->next()) {
    if (one->kind() != json::Kind::string) return std::nullopt;
    const auto role = parse_role(one->text());
    if (role) roles |= static_cast<std::uint8_t>(*role);
  }
  return roles;
}

struct Header {
  Algorithm algorithm;
  std::string_view key_id;  ///< into the document
};

std::variant<Header, Refusal> read_header(const json::Node& header) {
  for (const auto* name : {"crit", "b64", "jku", "jwk", "x5u", "x5c"}) {
    if (header.member(name)) return Refusal::header;
  }
  const auto name = text_of(header, "alg");
  const auto algorithm = name ? parse_algorithm(*name) : std::nullopt;
  if (!algorithm) return Refusal::algorithm;
  const auto type = text_of(header, "typ");
  if (type != "at+jwt" && type != "application/at+jwt") return Refusal::type;
  const auto key_id = text_of(header, "kid");
  if (!key_id) return Refusal::header;
  return Header{*algorithm, *key_id};
}

}  // namespace

std::string_view to_string(Refusal refusal) {
  static constexpr std::array<std::string_view, kRefusalCount> kNames{
      "malformed", "header", "algorithm", "type",    "unknown_key",  "signature",
      "claims",    "issuer", "audience",  "expired", "not_yet_valid"};
  return kNames[static_cast<std::size_t>(refusal)];
}

std::optional<Role> parse_role(std::string_view name) {
  if (name == "guest") return Role::guest;
  if (name == "user") return Role::user;
  if (name == "support") return Role::support;
  if (name == "admin") return Role::admin;
  return std::nullopt;
}

std::variant<Claims, Refusal> verify(std::string_view token, const KeySet& keys, const Expectations& expectations,
                                     Timestamp now) {
  if (token.size() > kTokenBytesMax) return Refusal::malformed;
  const auto parts = split(token);
  if (!parts) return Refusal::malformed;
  const auto header_text = from_base64url(parts->header);
  const auto payload = from_base64url(parts->payload);
  const auto signature = from_base64url(parts->signature);
  if (!header_text || !payload || !signature) return Refusal::malformed;
  const auto document = object_in(*header_text);
  if (!document) return Refusal::malformed;
  const auto header = read_header(document->root());
  if (const auto* refusal = std::get_if<Refusal>(&header)) return *refusal;
  const auto& [algorithm, key_id] = std::get<Header>(header);
  const auto* key = keys.find(key_id);
  if (key == nullptr) return Refusal::unknown_key;
  if (key->algorithm() != algorithm) return Refusal::algorithm;
  if (!key->verify(parts->signed_part, *signature)) return Refusal::signature;
  return read_claims(*payload, expectations, now);
}

std::variant<Claims, Refusal> read_claims(std::string_view payload, const Expectations& expectations, Timestamp now) {
  const auto document = object_in(payload);
  if (!document) return Refusal::malformed;
  const auto claims = document->root();
  const auto issuer = text_of(claims, "iss");
  const auto subject = text_of(claims, "sub");
  const auto id = text_of(claims, "jti");
  const auto ours = is_for(claims, expectations.audience);
  const auto roles = roles_of(claims);
  const auto issued = time_of(claims, "iat");
  const auto expires = time_of(claims, "exp");
  const auto begins = claims.member("nbf") ? time_of(claims, "nbf") : issued;
  if (!issuer || !subject || !is_id(*subject) || !id || id->empty() || id->size() > kIdBytesMax || !ours || !roles ||
      !issued || !expires || !begins) {
    return Refusal::claims;
  }
  if (*issuer != expectations.issuer) return Refusal::issuer;
  if (!*ours) return Refusal::audience;
  const auto skew = expectations.clock_skew;
  if (*issued > now + skew || *begins > now + skew) return Refusal::not_yet_valid;
  if (now >= *expires + skew) return Refusal::expired;
  return Claims{std::string(*subject), *roles, *expires};
}

}  // namespace agora::jwt
