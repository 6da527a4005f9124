// agora keys new: a key that tokens are signed with, and its public half where services find it.

#include <iostream>

#include "cli/command.hpp"
#include "cli/signing_keys.hpp"
#include "libs/config/parser.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

constexpr const char* kDescription =
    "Makes a key that tokens are signed with (a file that only you may read), and adds its public half to a JWK set,\n"
    "which services are given as --jwks. Services read the set every minute: sign with a new key two minutes after,\n"
    "and take the old one out of the set once its last token is over.\n"
    "\n"
    "Examples:\n"
    "  agora keys new --key signing-key.pem --jwks jwks.json\n"
    "  agora keys new --key next-key.pem --jwks jwks.json --alg EdDSA\n"
    "\n"
    "Exit codes: 0 done; 2 it cannot be (flags, the key file is there, the other is no JWK set).\n";

struct Settings {
  std::string key;
  std::string jwks;
  std::string algorithm = "ES256";
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora keys new", kDescription, "AGORA_KEYS_");
    parser.option("key", key, "File of the private key to make");
    parser.option("jwks", jwks, "File of the JWK set that its public half is added to");
    parser.option("alg", algorithm, "ES256 or EdDSA");
    parser.flag("json", json, "Print JSON");
    parser.rule([this]() -> std::optional<std::string> {
      if (!key.empty() && !jwks.empty()) return std::nullopt;
      return "--key and --jwks are required";
    });
    parser.rule([this]() -> std::optional<std::string> {
      if (algorithm == "ES256" || algorithm == "EdDSA") return std::nullopt;
      return "--alg must be ES256 or EdDSA";
    });
    return parser.parse(argc, argv);
  }
};

}  // namespace

int keys(int argc, const char* const* argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb != "new" && verb != "--help" && verb != "-h") {
    say("keys: there is one verb, `agora keys new`; its --help says more");
    return kCannot;
  }
  Settings settings;
  const int skipped = verb == "new" ? 1 : 0;
  if (const auto code = settings.parse(argc - skipped, argv + skipped)) return *code;
  if (std::filesystem::exists(settings.key)) {
    throw std::runtime_error(settings.key + " is there; a key is never replaced");
  }
  const auto key = jwt::PrivateKey::generate(*jwt::parse_algorithm(settings.algorithm));
  publish_key(settings.jwks, key);
  keep_signing_key(settings.key, key);
  if (settings.json) {
    std::string out;
    json::Writer(out)
        .begin_object()
        .member("kid", key.id())
        .member("key", settings.key)
        .member("jwks", settings.jwks)
        .end_object();
    print_json(out);
  } else {
    std::cout << "made " << settings.key << " (kid " << key.id() << "), its public half is in " << settings.jwks
              << std::endl;
  }
  return kDone;
}

}  // namespace agora::cli
