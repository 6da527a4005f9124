#include "libs/config/parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>
#include <sstream>

#include <CLI/CLI.hpp>

#include "build_version.hpp"

extern char** environ;

namespace agora::config {
namespace {

struct Option {
  std::string name;
  std::string env;
  std::string help;
  bool is_flag = false;
  bool is_secret = false;
  /// Takes a text; a sentence when it is not right.
  std::function<std::optional<std::string>(const std::string&)> set;
  /// The value as people may see it: a secret only as being there.
  std::function<std::string()> show;
  std::string origin = "default";
  CLI::Option* cli = nullptr;
};

std::string to_env(const std::string& prefix, const std::string& name) {
  std::string env = prefix;
  for (const char c : name)
    env += c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return env;
}

/// Levenshtein distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& known) {
  const auto nearest = std::min_element(
      known.begin(), known.end(), [&](const auto& a, const auto& b) { return distance(name, a) < distance(name, b); });
  if (nearest == known.end() || distance(name, *nearest) > 1 + name.size() / 4) return {};
  return "; did you mean " + *nearest + "?";
}

std::optional<std::string> set_integer(const std::string& text, std::int64_t min, std::int64_t max,
                                       std::int64_t& value) {
  std::int64_t parsed = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty() || parsed < min || parsed > max) {
    return "must be an integer from " + std::to_string(min) + " to " + std::to_string(max);
  }
  value = parsed;
  return std::nullopt;
}

struct TimeUnit {
  std::string_view name;
  std::int64_t ms;
};
/// Longest name first: `ms` and `min` both begin like `m`.
constexpr TimeUnit kUnits[] = {{"min", 60'000}, {"ms", 1}, {"s", 1'000}, {"h", 3'600'000}, {"d", 86'400'000}};

std::optional<std::string> set_duration(const std::string& text, const Parser::Range& range,
                                        std::chrono::milliseconds& value) {
  for (const auto& [name, ms] : kUnits) {
    if (!text.ends_with(name)) continue;
    std::int64_t count = 0;
    const auto digits = text.substr(0, text.size() - name.size());
    if (set_integer(digits, 0, INT64_MAX / ms, count)) continue;
    if (count * ms < range.min || count * ms > range.max) {
      return "must be from " + std::to_string(range.min) + "ms to " + std::to_string(range.max) + "ms";
    }
    value = std::chrono::milliseconds(count * ms);
    return std::nullopt;
  }
  return "must be a duration such as 250ms, 5s, 15min, 24h or 7d";
}

std::string show_duration(std::chrono::milliseconds value) {
  std::string best = std::to_string(value.count()) + "ms";
  for (const auto& [name, ms] : kUnits) {
    if (value.count() == 0 || value.count() % ms != 0) continue;
    const auto text = std::to_string(value.count() / ms) + std::string(name);
    if (text.size() < best.size()) best = text;
  }
  return best;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : text + ',') {
    if (c != ',') {
      if (c != ' ') part += c;
    } else if (!part.empty()) {
      parts.push_back(std::move(part));
      part.clear();
    }
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

/// What a secret's file holds without the newline at its end; none when it holds nothing or cannot be read.
std::optional<std::string> read_secret(const char* path) {
  const std::ifstream in(path);
  std::ostringstream content;
  // As a stream into a stream: reading a directory throws anywhere else, here it only fails.
  if (!in || !(content << in.rdbuf())) return std::nullopt;
  auto text = std::move(content).str();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) return std::nullopt;
  return text;
}

/// The arguments as CLI11 takes them, last first. `--name=` goes as `--name` and an empty text: CLI11 would take the
/// next argument for the value.
std::vector<std::string> last_first(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    std::string argument(argv[i]);
    const bool is_empty = argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    if (is_empty) argument.pop_back();
    arguments.push_back(std::move(argument));
    if (is_empty) arguments.emplace_back();
  }
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

}  // namespace

struct Parser::Impl {
  std::string program;
  std::string description;
  std::string prefix;
  std::vector<std::unique_ptr<Option>> options{};
  std::vector<std::function<std::optional<std::string>()>> rules{};
  std::vector<std::string> mistakes{};

  Option& add(std::string name, std::string help, const std::string& env) {
    auto option = std::make_unique<Option>();
    option->env = env.empty() ? to_env(prefix, name) : env;
    option->name = std::move(name);
    option->help = std::move(help);
    return *options.emplace_back(std::move(option));
  }

  void take(Option& option, const std::string& text, const std::string& source, std::string origin) {
    if (auto mistake = option.set(text)) {
      mistakes.push_back(source + ": " + *mistake);
    } else {
      option.origin = std::move(origin);
    }
  }

  /// Environment first, then flags over it.
  void apply() {
    for (auto& option : options) {
      const char* env = std::getenv(option->env.c_str());
      const auto file_variable = option->env + "_FILE";
      const char* file = option->is_secret ? std::getenv(file_variable.c_str()) : nullptr;
      if (env != nullptr && file != nullptr) {
        mistakes.push_back(option->env + " and " + file_variable + " are both set; set one");
      } else if (file != nullptr) {
        if (const auto text = read_secret(file)) {
          take(*option, *text, file_variable, "file");
        } else {
          mistakes.push_back(file_variable + ": cannot read the file, or it holds nothing");
        }
      } else if (env != nullptr) {
        take(*option, env, option->env, "environment");
      }
      const auto& given = option->cli->results();
      if (given.size() > 1 && !option->is_flag) {
        mistakes.push_back("--" + option->name + ": is given more than once");
      } else if (!given.empty()) {
        take(*option, given.back(), "--" + option->name, "flag");
      }
    }
  }

  void find_unknown(const std::vector<std::string>& extras) {
    std::vector<std::string> flags{"--help", "--version", "--print-config"};
    std::vector<std::string> variables;
    for (const auto& option : options) {
      flags.push_back("--" + option->name);
      variables.push_back(option->env);
      if (option->is_secret) variables.push_back(option->env + "_FILE");
    }
    bool is_value = false;
    for (const auto& extra : extras) {
      if (extra.starts_with("-")) {
        const auto name = extra.substr(0, extra.find('='));
        mistakes.push_back("unknown flag " + name + did_you_mean(name, flags));
        is_value = name == extra;
        continue;
      }
      // What follows an unknown flag is its value: no mistake of its own, and not to be printed (`--kye hunter2`).
      if (!is_value) mistakes.push_back("unexpected argument: " + extra);
      is_value = false;
    }
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view entry(*at);
      const std::string name(entry.substr(0, entry.find('=')));
      if (!name.starts_with(prefix) || std::find(variables.begin(), variables.end(), name) != variables.end()) continue;
      mistakes.push_back("unknown variable " + name + did_you_mean(name, variables));
    }
  }

  void print() const {
    for (const auto& option : options) {
      std::cout << option->name << " = " << option->show() << "  # " << option->origin << ", " << option->env << '\n';
    }
  }
};

Parser::Parser(std::string program, std::string description, std::string env_prefix)
    : impl_(new Impl{std::move(program), std::move(description), std::move(env_prefix)}) {}
Parser::~Parser() = default;

void Parser::option(std::string name, std::string& value, std::string help, Names names) {
  auto& option = impl_->add(std::move(name), std::move(help), names.env);
  option.set = [&value](const std::string& text) -> std::optional<std::string> {
    value = text;
    return std::nullopt;
  };
  option.show = [&value] { return value; };
}

void Parser::option(std::string name, std::vector<std::string>& value, std::string help, Names names) {
  auto& option = impl_->add(std::move(name), std::move(help), names.env);
  option.set = [&value](const std::string& text) -> std::optional<std::string> {
    value = split(text);
    if (value.empty()) return "must name at least one";
    return std::nullopt;
  };
  option.show = [&value] { return join(value); };
}

void Parser::option(std::string name, std::int64_t& value, std::string help, Range range) {
  auto& option = impl_->add(std::move(name), std::move(help), range.env);
  option.set = [&value, range](const std::string& text) { return set_integer(text, range.min, range.max, value); };
  option.show = [&value] { return std::to_string(value); };
}

void Parser::option(std::string name, std::uint16_t& value, std::string help, Range range) {
  auto& option = impl_->add(std::move(name), std::move(help), range.env);
  option.set = [&value, range](const std::string& text) {
    std::int64_t wide = value;
    auto mistake =
        set_integer(text, std::max<std::int64_t>(range.min, 0), std::min<std::int64_t>(range.max, UINT16_MAX), wide);
    value = static_cast<std::uint16_t>(wide);
    return mistake;
  };
  option.show = [&value] { return std::to_string(value); };
}

void Parser::option(std::string name, std::chrono::milliseconds& value, std::string help, Range range) {
  auto& option = impl_->add(std::move(name), std::move(help), range.env);
  option.set = [&value, range](const std::string& text) { return set_duration(text, range, value); };
  option.show = [&value] { return show_duration(value); };
}

void Parser::option(std::string name, std::optional<std::chrono::milliseconds>& value, std::string help, Range range) {
  auto& option = impl_->add(std::move(name), std::move(help), range.env);
  option.set = [&value, range](const std::string& text) {
    std::chrono::milliseconds parsed{};
    auto mistake = set_duration(text, range, parsed);
    if (!mistake) value = parsed;
    return mistake;
  };
  option.show = [&value] { return value ? show_duration(*value) : std::string{}; };
}

void Parser::option(std::string name, Secret<std::string>& value, std::string help, Names names) {
  auto& option = impl_->add(std::move(name), std::move(help), names.env);
  option.is_secret = true;
  option.set = [&value](const std::string& text) -> std::optional<std::string> {
    value = Secret<std::string>(text);
    return std::nullopt;
  };
  option.show = [&value] { return value.reveal().empty() ? "" : "****"; };
}

void Parser::flag(std::string name, bool& value, std::string help, Names names) {
  auto& option = impl_->add(std::move(name), std::move(help), names.env);
  option.is_flag = true;
  option.set = [&value](const std::string& text) -> std::optional<std::string> {
    if (text != "1" && text != "true" && text != "0" && text != "false") return "must be 1, true, 0 or false";
    value = text == "1" || text == "true";
    return std::nullopt;
  };
  option.show = [&value] { return value ? "true" : "false"; };
}

void Parser::rule(std::function<std::optional<std::string>()> check) {
  impl_->rules.push_back(std::move(check));
}

std::optional<int> Parser::parse(int argc, const char* const* argv) {
  CLI::App app(impl_->description, impl_->program);
  app.set_help_flag("--help,-h", "Print this help and exit");
  app.allow_extras();
  bool version = false;
  bool print_config = false;
  app.add_flag("--version", version, "Print version and commit and exit");
  app.add_flag("--print-config", print_config, "Print every setting, its value and where it came from, and exit");
  for (auto& option : impl_->options) {
    const auto help =
        option->help + " [" + option->env + (option->show().empty() ? "" : ", default " + option->show()) + "]";
    if (option->is_flag) {
      option->cli = app.add_flag("--" + option->name, help);
    } else {
      // Without a target: every text is taken as it is, so that all of them are checked, not those before a mistake.
      option->cli = app.add_option("--" + option->name, CLI::callback_t{}, help)
                        ->type_name("VALUE")
                        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  try {
    app.parse(last_first(argc, argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      std::cout << app.help();
      return 0;
    }
    impl_->mistakes.emplace_back(error.what());
  }
  if (version) {
    std::cout << impl_->program << " " AGORA_VERSION " (" AGORA_COMMIT ")\n";
    return 0;
  }
  impl_->apply();
  impl_->find_unknown(app.remaining());
  if (impl_->mistakes.empty()) {
    for (const auto& rule : impl_->rules) {
      if (auto mistake = rule()) impl_->mistakes.push_back(*std::move(mistake));
    }
  }
  if (!impl_->mistakes.empty()) {
    for (const auto& mistake : impl_->mistakes) std::cerr << impl_->program << ": " << mistake << '\n';
    std::cerr << "Try --help.\n";
    return 2;
  }
  if (print_config) {
    impl_->print();
    return 0;
  }
  return std::nullopt;
}

}  // namespace agora::config
