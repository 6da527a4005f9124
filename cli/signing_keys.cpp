#include "cli/signing_keys.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "cli/files.hpp"
#include "libs/json/document.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr auto kReadableByAll =
    fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read | fs::perms::others_read;

std::string read_all(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

jwt::PrivateKey read_signing_key(const fs::path& file) {
  const Secret<std::string> pem(read_all(file));
  try {
    return jwt::PrivateKey::from_pem(pem);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(file.string() + ": " + error.what());
  }
}

void keep_signing_key(const fs::path& file, const jwt::PrivateKey& key) {
  write_private_file(file, key.to_pem().reveal());
}

void publish_key(const fs::path& file, const jwt::PrivateKey& key) {
  std::string text;
  json::Writer json(text);
  json.begin_object().key("keys").begin_array();
  if (fs::exists(file)) {
    const auto document = json::Document::parse(read_all(file));
    const auto keys = document ? document->root().member("keys") : std::nullopt;
    if (!keys || keys->kind() != json::Kind::array) throw std::runtime_error(file.string() + " holds no JWK set");
    for (auto known = keys->first(); known; known = known->next()) {
      const auto id = known->member("kid");
      if (id && id->kind() == json::Kind::string && id->text() == key.id()) return;
      std::string as_it_was;
      json::append(as_it_was, *known);
      json.raw(as_it_was);
    }
  }
  json.raw(key.public_jwk()).end_array().end_object();
  write_private_file(file, text + "\n");
  fs::permissions(file, kReadableByAll);
}

fs::path demo_key_file(const fs::path& data) {
  return data / "demo-signing-key.pem";
}

fs::path demo_key_set_file(const fs::path& data) {
  return data / "demo-jwks.json";
}

}  // namespace agora::cli
