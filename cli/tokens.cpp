// agora tokens make: an access token of a user, signed with a key that is at hand. What an auth service will issue.

#include <algorithm>
#include <iostream>

#include "cli/command.hpp"
#include "cli/signing_keys.hpp"
#include "libs/base/id.hpp"
#include "libs/config/parser.hpp"
#include "libs/json/writer.hpp"
#include "libs/jwt/token.hpp"

namespace agora::cli {
namespace {

constexpr const char* kDescription =
    "Prints an access token. By default it is signed with the key of the marketplace that `agora up` runs.\n"
    "\n"
    "Examples:\n"
    "  agora tokens make --subject u1\n"
    "  agora tokens make --subject s1 --roles user,support --lifetime 1h\n"
    "  curl -H \"Authorization: Bearer $(agora tokens make --subject u1)\" http://127.0.0.1:8000/orders\n"
    "\n"
    "Exit codes: 0 done; 2 it cannot be (flags, no key).\n";

constexpr std::int64_t kDay = 24 * 60 * 60 * 1'000;

struct Settings {
  std::string data = "data";
  std::string key;
  jwt::TokenRequest token{.roles = {"user"}};
  std::chrono::milliseconds lifetime{token.lifetime};
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora tokens make", kDescription, "AGORA_TOKENS_");
    parser.option("data", data, "Folder of the marketplace, and of its key", {.env = "AGORA_DATA"});
    parser.option("key", key, "File of the private key (" + demo_key_file("<data>").string() + ")");
    parser.option("subject", token.subject, "Whose token: the user's id");
    parser.option("roles", token.roles, "Of guest, user, support, admin");
    parser.option("lifetime", lifetime, "How long it is good", {.min = 1'000, .max = kDay});
    parser.option("issuer", token.issuer, "Who issues it", {.env = "AGORA_JWT_ISSUER"});
    parser.option("audience", token.audience, "For whom", {.env = "AGORA_JWT_AUDIENCE"});
    parser.flag("json", json, "Print JSON");
    parser.rule([this]() -> std::optional<std::string> {
      if (is_id(token.subject)) return std::nullopt;
      return "--subject is required, 1 to 64 of A-Z a-z 0-9 _ -";
    });
    parser.rule([this]() -> std::optional<std::string> {
      const auto& roles = token.roles;
      if (std::all_of(roles.begin(), roles.end(), [](const auto& role) { return jwt::parse_role(role); })) {
        return std::nullopt;
      }
      return "--roles must be of guest, user, support, admin";
    });
    return parser.parse(argc, argv);
  }
};

}  // namespace

int tokens(int argc, const char* const* argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb != "make" && verb != "--help" && verb != "-h") {
    say("tokens: there is one verb, `agora tokens make`; its --help says more");
    return kCannot;
  }
  Settings settings;
  const int skipped = verb == "make" ? 1 : 0;
  if (const auto code = settings.parse(argc - skipped, argv + skipped)) return *code;
  settings.token.lifetime = std::chrono::floor<std::chrono::seconds>(settings.lifetime);
  const auto file = settings.key.empty() ? demo_key_file(settings.data) : std::filesystem::path(settings.key);
  const auto now = SystemClock().now();
  const auto token = jwt::make_token(read_signing_key(file), settings.token, now);
  if (settings.json) {
    std::string out;
    json::Writer(out)
        .begin_object()
        .member("token", token)
        .member("subject", settings.token.subject)
        .member("expires_at", now + settings.token.lifetime)
        .end_object();
    print_json(out);
  } else {
    std::cout << token << std::endl;
  }
  return kDone;
}

}  // namespace agora::cli
