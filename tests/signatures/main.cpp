// agora-test-signatures: what libs/jwt says of signatures, for test vectors of others. Reads JSON lines
// {"jwk": {…, "kid": "k"}, "message": "<hex>", "signature": "<hex>"}; answers each with valid, invalid, or no key.

#include <iostream>

#include "libs/json/document.hpp"
#include "libs/jwt/key_set.hpp"

namespace {

using namespace agora;

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string answer(const std::string& line) {
  const auto document = json::Document::parse(line).value();
  const auto root = document.root();
  std::string set = R"({"keys":[)";
  json::append(set, root.member("jwk").value());
  const auto keys = jwt::KeySet::parse(set + "]}");
  if (!keys) return "no key";
  const auto message = from_hex(root.member("message").value().text());
  const auto signature = from_hex(root.member("signature").value().text());
  return keys->find("k")->verify(message, signature) ? "valid" : "invalid";
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(line) << '\n';
}
