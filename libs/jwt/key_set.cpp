#include "libs/jwt/key_set.hpp"

#include "libs/base/base64url.hpp"
#include "libs/json/document.hpp"

namespace agora::jwt {
namespace {

constexpr std::size_t kValuesMax = 2'000;

Error unusable(std::string why) {
  return {Errc::unavailable, "unusable_key_set", std::move(why)};
}

/// A member that is a string; empty when it is none.
std::string_view text_of(const json::Node& key, std::string_view name) {
  const auto member = key.member(name);
  return member && member->kind() == json::Kind::string ? member->text() : std::string_view{};
}

std::string bytes_in(const json::Node& key, std::string_view name) {
  return from_base64url(text_of(key, name)).value_or("");
}

/// Absent, or a string of this value.
bool may_be(const json::Node& key, std::string_view name, std::string_view value) {
  return !key.member(name) || text_of(key, name) == value;
}

bool may_verify(const json::Node& key) {
  const auto operations = key.member("key_ops");
  if (!operations) return true;
  if (operations->kind() != json::Kind::array) return false;
  for (auto one = operations->first(); one; one = one->next()) {
    if (one->kind() == json::Kind::string && one->text() == "verify") return true;
  }
  return false;
}

std::optional<PublicKey> read_key(const json::Node& key) {
  // A private part that was published opens the key to everybody.
  if (!may_be(key, "use", "sig") || !may_verify(key) || key.member("d")) return std::nullopt;
  const auto type = text_of(key, "kty");
  const auto curve = text_of(key, "crv");
  std::optional<PublicKey> made;
  if (type == "EC" && curve == "P-256") made = PublicKey::p256(bytes_in(key, "x"), bytes_in(key, "y"));
  if (type == "OKP" && curve == "Ed25519") made = PublicKey::ed25519(bytes_in(key, "x"));
  if (type == "RSA") made = PublicKey::rsa(bytes_in(key, "n"), bytes_in(key, "e"));
  if (made && !may_be(key, "alg", to_string(made->algorithm()))) return std::nullopt;
  return made;
}

}  // namespace

Result<KeySet> KeySet::parse(std::string_view text) {
  if (text.size() > kKeySetBytesMax) return unusable("the key set is too large");
  const auto document = json::Document::parse(text, kValuesMax);
  if (!document) return unusable("the key set is no JSON: " + document.error().message);
  const auto list = document->root().member("keys");
  if (!list || list->kind() != json::Kind::array) return unusable("the key set has no keys, an array");
  KeySet set;
  std::size_t seen = 0;
  for (auto key = list->first(); key; key = key->next()) {
    if (++seen > kKeysMax) return unusable("the key set has too many keys");
    const auto id = text_of(*key, "kid");
    auto made = id.empty() ? std::nullopt : read_key(*key);
    if (!made) continue;
    if (set.find(id) != nullptr) return unusable("the key set has two keys of one id");
    set.keys_.emplace_back(id, *std::move(made));
  }
  if (set.keys_.empty()) return unusable("the key set has no key that can be used");
  return set;
}

const PublicKey* KeySet::find(std::string_view id) const {
  for (const auto& [known, key] : keys_) {
    if (known == id) return &key;
  }
  return nullptr;
}

}  // namespace agora::jwt
