// The `agora` command: finds the command that is meant and says what kept it from answering.

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "cli/command.hpp"
#include "libs/config/parser.hpp"

namespace agora::cli {
namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, const char* const* argv);
};

constexpr std::array<Command, 10> kCommands{{
    {"up", "run the marketplace on this machine, with demo data, until Ctrl-C", up},
    {"demo", "play what a marketplace does, from a cart to what was delivered and given back", demo},
    {"seed", "place demo orders, once", seed},
    {"backup", "copy the services' SQLite files, running or stopped", backup},
    {"restore", "put copies back, while the services are stopped", restore},
    {"audit", "recount orders, stock, money and events, running or stopped", audit},
    {"events", "look at events that a service could not use, and help", events},
    {"keys", "make a key that tokens are signed with", keys},
    {"tokens", "make an access token", tokens},
    {"migrate", "bring a service's database to the newest schema", migrate},
}};

void print_help(std::ostream& out) {
  out << "Runs, keeps and checks an Agora marketplace.\nUsage: agora COMMAND [OPTIONS]\n\nCommands:\n";
  for (const auto& command : kCommands) {
    out << "  " << command.name << std::string(12 - command.name.size(), ' ') << command.summary << '\n';
  }
  out << "\nEach has --help with examples, --json for programs, --version.\n"
         "Data goes to stdout, all else to stderr. Exit codes: 0 done; 1 it ran and what it found is bad;\n"
         "2 it could not run (flags, files, a busy port).\n\n"
         "Examples:\n"
         "  agora up --data ./data\n"
         "  agora audit --data ./data --json\n"
         "  agora backup --data ./data --to ./copies/monday\n";
}

int run(int argc, const char* const* argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name.empty()) {
    print_help(std::cerr);
    return kCannot;
  }
  if (name == "--help" || name == "-h" || name == "help") {
    print_help(std::cout);
    return kDone;
  }
  if (name.starts_with("-")) {
    config::Parser parser("agora", "Runs, keeps and checks an Agora marketplace.", "AGORA_CLI_");
    return parser.parse(argc, argv).value_or(kCannot);
  }
  const auto command = std::find_if(kCommands.begin(), kCommands.end(), [&](const auto& c) { return c.name == name; });
  if (command == kCommands.end()) {
    say("there is no command '" + std::string(name) + "'; agora --help lists them");
    return kCannot;
  }
  try {
    return command->run(argc - 1, argv + 1);
  } catch (const std::exception& error) {
    say(std::string(name) + ": " + error.what());
    return kCannot;
  }
}

}  // namespace
}  // namespace agora::cli

int main(int argc, char** argv) {
  // Whoever reads our output may go away; a write says so, and the children of `up` are still to be stopped.
  std::signal(SIGPIPE, SIG_IGN);
  return agora::cli::run(argc, argv);
}
