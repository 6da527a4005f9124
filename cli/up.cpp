// agora up: the marketplace on one machine. Settings, the token the services share, and what people are told.

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/services.hpp"
#include "cli/signing_keys.hpp"
#include "cli/up_messages.hpp"
#include "libs/base/id.hpp"
#include "libs/config/parser.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDay = 24 * 60 * 60 * 1'000;
constexpr std::size_t kTokenBytes = 32;
constexpr const char* kBuiltin = "builtin";

constexpr const char* kDescription =
    "Runs the marketplace on this machine, with demo data, until Ctrl-C: starts the services, restarts what dies.\n"
    "\n"
    "Examples:\n"
    "  agora up                                      databases in ./data, orders on port 8000\n"
    "  agora up --data /tmp/shop --order-port 8080\n"
    "  agora up --json 2>services.log                what happens as JSON lines; the services' logs in a file\n"
    "  agora up --dry-run                            what would be started\n"
    "\n"
    "Exit codes: 0 stopped (Ctrl-C, SIGTERM); 2 a setting is wrong, a port is busy or the data is in use.\n"
    "A second Ctrl-C does not wait for requests in flight. The services take their AGORA_* variables from ours.\n";

struct Ports {
  std::uint16_t port;
  std::uint16_t internal_port;
  std::uint16_t grpc_port;
};

struct Settings {
  std::string data = "data";
  std::string offers = "builtin";
  std::vector<std::string> bind{"127.0.0.1", "::1"};
  std::vector<Ports> ports{};  ///< as services()
  SupervisorLimits limits{};
  bool json = false;
  bool dry_run = false;

  std::optional<int> parse(int argc, const char* const* argv);
};

std::optional<int> Settings::parse(int argc, const char* const* argv) {
  for (const auto& service : services()) ports.push_back({service.port, service.internal_port, service.grpc_port});
  config::Parser parser("agora up", kDescription, "AGORA_UP_");
  parser.option("data", data, "Folder of the databases, the service token and the signing key", {.env = "AGORA_DATA"});
  parser.option("offers", offers, "File of offers, sellers and users to begin with; `builtin`: one of each");
  parser.option("bind", bind, "Addresses that all ports are bound to", {.env = "AGORA_BIND"});
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto& service = services()[i];
    const std::string name(service.name);
    parser.option(name + "-port", ports[i].port, "Public HTTP port of " + name,
                  {.min = 1, .max = 65'535, .env = variable(service, "PORT")});
    parser.option(name + "-internal-port", ports[i].internal_port, "Internal HTTP port of " + name,
                  {.min = 1, .max = 65'535, .env = variable(service, "INTERNAL_PORT")});
    if (service.grpc_port == 0) continue;
    parser.option(name + "-grpc-port", ports[i].grpc_port, "gRPC port of " + name,
                  {.min = 1, .max = 65'535, .env = variable(service, "GRPC_PORT")});
  }
  parser.option("restart-first", limits.restart_first, "Pause before what died is started again",
                {.min = 1, .max = kDay});
  parser.option("restart-max", limits.restart_max, "That pause doubles up to this", {.min = 1, .max = kDay});
  parser.option("restart-reset", limits.restart_reset, "After so long a life the pause is the first again",
                {.min = 1, .max = kDay});
  parser.option("stop-deadline", limits.stop_deadline, "Time for all to finish; then they are killed",
                {.min = 1, .max = kDay});
  parser.flag("json", json, "Tell what happens as JSON lines");
  parser.flag("dry-run", dry_run, "Print what would be started, start nothing");
  parser.rule([this]() -> std::optional<std::string> {
    if (limits.restart_first <= limits.restart_max) return std::nullopt;
    return "--restart-first must not be longer than --restart-max";
  });
  return parser.parse(argc, argv);
}

/// The secret our services share. One that is there is kept: it may be its owner's own, or be under rotation.
void provide_token(const fs::path& file) {
  if (fs::exists(file)) return;
  std::array<unsigned char, kTokenBytes> secret{};
  fill_random(secret.data(), secret.size());
  std::string text;
  for (const auto byte : secret) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  write_private_file(file, text + "\n");
}

/// What tokens are signed with until there is an auth service, and what services verify them with. A key that is there
/// is kept.
void provide_signing_key(const fs::path& data) {
  const auto file = demo_key_file(data);
  if (!fs::exists(file)) keep_signing_key(file, jwt::PrivateKey::generate(jwt::Algorithm::es256));
  publish_key(demo_key_set_file(data), read_signing_key(file));
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

/// Everything of the service's command line that is ours to say.
std::vector<std::string> arguments_of(const Service& service, const Settings& settings, const Ports& ports,
                                      const fs::path& data) {
  std::vector<std::string> arguments(service.demo_flags.begin(), service.demo_flags.end());
  const auto add = [&](std::string flag, std::string value) {
    arguments.push_back(std::move(flag));
    arguments.push_back(std::move(value));
  };
  add("--data", data.string());
  // Nobody publishes offers, sellers and users yet.
  add("--offers", settings.offers == kBuiltin ? kBuiltin : fs::absolute(settings.offers).string());
  add("--port", std::to_string(ports.port));
  add("--internal-port", std::to_string(ports.internal_port));
  if (ports.grpc_port != 0) add("--grpc-port", std::to_string(ports.grpc_port));
  for (std::size_t i = 0; i < services().size(); ++i) {
    const std::string publisher(services()[i].name);
    const auto names = [&publisher](std::span<const std::string_view> all) {
      return std::find(all.begin(), all.end(), publisher) != all.end();
    };
    const auto& address = settings.bind.front();
    if (names(service.feeds))
      add("--" + publisher + "-feed", "feed:" + url_of(address, settings.ports[i].internal_port));
    if (names(service.asks)) add("--" + publisher + "-grpc", host_of(address, settings.ports[i].grpc_port));
  }
  return arguments;
}

/// The services to run; throws when the program of one that is needed is missing.
std::vector<Supervised> supervised(const Settings& settings) {
  std::vector<Supervised> all;
  const auto data = fs::absolute(settings.data).lexically_normal();
  const auto& address = settings.bind.front();
  for (std::size_t i = 0; i < services().size(); ++i) {
    const auto& service = services()[i];
    const auto program = find_program(service);
    if (!program) {
      throw std::runtime_error("there is no " + std::string(service.program) + "; looked at " +
                               program_places(service));
    }
    const auto& ports = settings.ports[i];
    std::vector<std::string> urls;
    for (const auto& bound : settings.bind) urls.push_back(url_of(bound, ports.port));
    all.push_back({.service = service,
                   .program = {.path = *program,
                               .arguments = arguments_of(service, settings, ports, data),
                               .environment = {{"AGORA_ENV", "demo"},
                                               {"AGORA_BIND", join(settings.bind)},
                                               {"AGORA_JWKS", demo_key_set_file(data).string()},
                                               {"AGORA_SERVICE_TOKEN_FILE", (data / "service-token").string()}}},
                   .urls = std::move(urls),
                   .internal_url = url_of(address, ports.internal_port),
                   .address = address,
                   .internal_port = ports.internal_port});
  }
  return all;
}

std::string command_line(const Supervised& service) {
  std::string line;
  for (const auto& [name, value] : service.program.environment) line += name + "=" + value + " ";
  line += service.program.path.string();
  for (const auto& argument : service.program.arguments) line += " " + argument;
  return line;
}

int print_plan(const Settings& settings, const std::vector<Supervised>& all) {
  std::string out;
  json::Writer json(out);
  json.begin_object().key("would_start").begin_array();
  for (const auto& service : all) {
    json.value(command_line(service));
    if (!settings.json) std::cout << command_line(service) << '\n';
  }
  json.end_array().end_object();
  if (settings.json) print_json(out);
  return kDone;
}

}  // namespace

int up(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  const auto all = supervised(settings);
  if (settings.dry_run) return print_plan(settings, all);
  make_folder(settings.data);
  const auto lock = lock_data_folder(settings.data);
  provide_token(fs::path(settings.data) / "service-token");
  provide_signing_key(settings.data);
  take_signals();
  const auto all_ready = [&] { settings.json ? print_addresses_as_json(all) : print_addresses(all, settings.data); };
  return Supervisor(all, settings.limits, settings.json ? tell_programs : tell_people, all_ready).run();
}

}  // namespace agora::cli
