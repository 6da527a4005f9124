// agora events: what a service heard from others and could not use, and what people can do about it. By its internal
// routes: the running service alone writes its database.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/command.hpp"
#include "cli/events_answers.hpp"
#include "cli/http_calls.hpp"
#include "cli/services.hpp"
#include "libs/base/id.hpp"
#include "libs/config/parser.hpp"
#include "libs/http/authenticators.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExitCodes =
    "\n"
    "Exit codes: 0 done; 1 the service says no; 2 it cannot be asked (flags, the token, nobody answers).\n";

struct Settings;

struct Verb {
  std::string_view name;
  std::string_view help;
  std::string_view examples;
  int (*run)(HttpCalls& calls, const Settings& settings);
};

int list(HttpCalls& calls, const Settings& settings);
int replay(HttpCalls& calls, const Settings& settings);
int skip(HttpCalls& calls, const Settings& settings);
int rebuild(HttpCalls& calls, const Settings& settings);
int forget(HttpCalls& calls, const Settings& settings);

constexpr std::array<Verb, 5> kVerbs{{
    {"list",
     "Shows where a service stands in others' logs, whether it is degraded, and which events it put aside (parked).",
     "  agora events list --service notification\n"
     "  agora events list --service order --json\n",
     list},
    {"replay", "Tries the parked events of a subject again now, also those that were given up.",
     "  agora events replay --service order --subject pay1\n", replay},
    {"skip",
     "Passes over the first parked event of a subject, or over the gap before it; what follows is tried at once.",
     "  agora events skip --service order --subject pay1\n"
     "  agora events skip --service order --subject pay1 --topic agora.payments --publisher payment\n",
     skip},
    {"rebuild", "Reads a publisher's log anew from its beginning, after a restore of it.",
     "  agora events rebuild --service notification --publisher order\n"
     "  agora events rebuild --service notification --publisher order --accept-gap\n",
     rebuild},
    {"forget", "Lets a consumer of this service's own log begin again that was dropped for being too slow.",
     "  agora events forget --service order --consumer notification\n", forget},
}};

void print_help(std::ostream& out) {
  out << "What a running service heard from others and could not use, and what people can do about it.\n"
         "Usage: agora events VERB [OPTIONS]\n";
  for (const auto& verb : kVerbs) out << "\nagora events " << verb.name << '\n' << verb.help << '\n' << verb.examples;
  out << kExitCodes << "agora events VERB --help lists a verb's options.\n";
}

struct Settings {
  std::string service = "order";
  std::string url;
  std::string data = "data";
  std::string token_file;
  Wanted wanted{};
  std::string consumer;
  bool accept_gap = false;
  bool json = false;

  std::optional<int> parse(const Verb& verb, int argc, const char* const* argv);
  void declare(config::Parser& parser, std::string_view verb);
};

void Settings::declare(config::Parser& parser, std::string_view verb) {
  parser.option("service", service, "Which service is asked: " + service_names());
  parser.option("url", url, "Its internal address (http://127.0.0.1 and the service's internal port)");
  parser.option("data", data, "Folder of the service token", {.env = "AGORA_DATA"});
  parser.option("token-file", token_file, "File of the token that our services share (<data>/service-token)",
                {.env = "AGORA_SERVICE_TOKEN_FILE"});
  parser.flag("json", json, "Print JSON");
  const auto required = [&parser](std::string& value, std::string name) {
    parser.rule([&value, name]() -> std::optional<std::string> {
      if (!value.empty()) return std::nullopt;
      return "--" + name + " is required";
    });
  };
  if (verb == "replay" || verb == "skip") {
    parser.option("subject", wanted.subject, "Id of what the parked events are about");
    parser.option("topic", wanted.topic, "Its topic, where several have this subject");
    parser.option("publisher", wanted.publisher, "Whose log it comes from, where several have it");
    parser.option("log-id", wanted.log_id,
                  "Id of that log; with all the others the parked events are not listed first");
    required(wanted.subject, "subject");
  } else if (verb == "rebuild") {
    parser.option("publisher", wanted.publisher, "Whose log is read anew");
    parser.flag("accept-gap", accept_gap, "Also where the log no longer tells everything");
    required(wanted.publisher, "publisher");
  } else if (verb == "forget") {
    parser.option("consumer", consumer, "The service that may begin again");
    required(consumer, "consumer");
  }
}

std::optional<int> Settings::parse(const Verb& verb, int argc, const char* const* argv) {
  const auto description = std::string(verb.help) + "\n\nExamples:\n" + std::string(verb.examples) + kExitCodes;
  config::Parser parser("agora events " + std::string(verb.name), description, "AGORA_EVENTS_");
  declare(parser, verb.name);
  parser.rule([this]() -> std::optional<std::string> {
    if (find_service(service) != nullptr) return std::nullopt;
    return "--service must be one of: " + service_names();
  });
  parser.rule([this]() -> std::optional<std::string> {
    for (const auto& name : {wanted.publisher, consumer}) {
      if (!name.empty() && !is_id(name)) return "--publisher and --consumer are names of services";
    }
    return std::nullopt;
  });
  if (const auto code = parser.parse(argc, argv)) return code;
  if (token_file.empty()) token_file = (fs::path(data) / "service-token").string();
  if (url.empty()) {
    const auto* known = find_service(service);
    const char* port = std::getenv(variable(*known, "INTERNAL_PORT").c_str());
    url = "http://127.0.0.1:" + (port != nullptr ? std::string(port) : std::to_string(known->internal_port));
  }
  return std::nullopt;
}

/// Asks; throws when the service does not take us for one of ours.
Answer ask(HttpCalls& calls, const Settings& settings, std::string method, const std::string& path,
           std::string body = {}, Deadline deadline = soon()) {
  auto answer = calls.ask(
      {.method = std::move(method), .url = settings.url + path, .body = std::move(body), .deadline = deadline});
  if (answer.status == 401) throw std::runtime_error("the token in " + settings.token_file + " was refused");
  return answer;
}

/// All that is parked, page by page. "No": the answer that refused.
struct ParkedPages {
  std::vector<json::Document> pages;
  std::optional<Answer> refused;
};

ParkedPages ask_parked(HttpCalls& calls, const Settings& settings) {
  ParkedPages all;
  std::string cursor;
  do {
    auto answer =
        ask(calls, settings, "GET", "/internal/parked?limit=100" + (cursor.empty() ? cursor : "&cursor=" + cursor));
    if (answer.status != 200) {
      all.refused = std::move(answer);
      return all;
    }
    all.pages.push_back(answer.document());
    cursor = text_member(all.pages.back().root(), "next_cursor");
  } while (!cursor.empty());
  return all;
}

int refused(const Answer& answer) {
  say("events: " + answer.why());
  return kBad;
}

int list(HttpCalls& calls, const Settings& settings) {
  const auto consumers = ask(calls, settings, "GET", "/internal/consumers");
  if (consumers.status != 200) return refused(consumers);
  const auto parked = ask_parked(calls, settings);
  if (parked.refused) return refused(*parked.refused);
  if (settings.json) {
    std::string out;
    json::Writer json(out);
    json.begin_object();
    json.key("consumers").raw(items_text({consumers.document()}));
    json.key("parked").raw(items_text(parked.pages)).end_object();
    print_json(out);
    return kDone;
  }
  print_consumers(consumers.document());
  print_parked(parked.pages);
  return kDone;
}

/// replay and skip: of the one parked subject that is meant.
int on_subject(HttpCalls& calls, const Settings& settings, const std::string& verb) {
  auto wanted = settings.wanted;
  if (!wanted.is_complete()) {
    const auto parked = ask_parked(calls, settings);
    if (parked.refused) return refused(*parked.refused);
    const auto matching = matching_subjects(parked.pages, wanted);
    if (matching.empty()) {
      say("events: nothing is parked for " + wanted.subject + "; agora events list shows what is");
      return kBad;
    }
    if (matching.size() > 1) {
      throw std::runtime_error("several subjects are called " + wanted.subject + "; name --topic and --publisher");
    }
    wanted = matching.front();
  }
  const auto answer = ask(calls, settings, "POST", "/internal/parked/" + verb, wanted.as_json());
  if (answer.status != 200) return refused(answer);
  if (settings.json) {
    print_json(answer.body);
    return kDone;
  }
  const auto document = answer.document();
  if (verb == "skip") {
    std::cout << "skipped " << wanted.topic << " " << wanted.subject << " through version "
              << text_member(document.root(), "skipped_through") << "; what is parked after it is tried now\n";
  } else {
    std::cout << "trying " << text_member(document.root(), "replayed") << " parked events of " << wanted.topic << " "
              << wanted.subject << " now\n";
  }
  std::cout.flush();
  return kDone;
}

int replay(HttpCalls& calls, const Settings& settings) {
  return on_subject(calls, settings, "replay");
}

int skip(HttpCalls& calls, const Settings& settings) {
  return on_subject(calls, settings, "skip");
}

int rebuild(HttpCalls& calls, const Settings& settings) {
  const auto* body = settings.accept_gap ? "{\"accept_gap\":true}" : "{\"accept_gap\":false}";
  // A whole log is read: as long as that takes.
  const auto answer = ask(calls, settings, "POST", "/internal/consumers/" + settings.wanted.publisher + "/rebuild",
                          body, Deadline::max());
  if (answer.status != 200) return refused(answer);
  const auto document = answer.document();
  const bool is_done = text_member(document.root(), "done") == "true";
  if (settings.json) {
    print_json(answer.body);
  } else {
    print_rebuilt(document, settings.wanted.publisher);
  }
  if (!is_done) say("events: nothing was changed; --accept-gap rebuilds all the same");
  return is_done ? kDone : kBad;
}

int forget(HttpCalls& calls, const Settings& settings) {
  const auto answer = ask(calls, settings, "DELETE", "/internal/feed/consumers/" + settings.consumer);
  if (answer.status != 204) return refused(answer);
  if (settings.json) {
    print_json("{\"forgotten\":\"" + settings.consumer + "\"}");
  } else {
    std::cout << settings.consumer << " begins again at the first event that is kept\n" << std::flush;
  }
  return kDone;
}

}  // namespace

int events(int argc, const char* const* argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name.empty() || name == "--help" || name == "-h") {
    print_help(name.empty() ? std::cerr : std::cout);
    return name.empty() ? kCannot : kDone;
  }
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const auto& known) { return known.name == name; });
  if (verb == kVerbs.end()) {
    say("there is no verb '" + std::string(name) + "'; agora events --help lists them");
    return kCannot;
  }
  Settings settings;
  if (const auto code = settings.parse(*verb, argc - 1, argv + 1)) return *code;
  HttpCalls calls(http::ServiceTokens::from_file(settings.token_file).own());
  return verb->run(calls, settings);
}

}  // namespace agora::cli
