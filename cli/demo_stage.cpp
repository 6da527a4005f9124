#include "cli/demo_stage.hpp"

#include <csignal>
#include <iostream>

#include "cli/command.hpp"
#include "cli/processes.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

constexpr std::size_t kLineWidth = 120;
constexpr std::size_t kIndent = 2;
constexpr std::size_t kMargin = 4;
constexpr std::chrono::milliseconds kAskAgainAfter{20};
constexpr std::chrono::seconds kPatience{15};

std::string quoted(std::string_view text) {
  std::string out;
  json::Writer(out).value(text);
  return out;
}

/// A body for people, set in from the left.
void print_body(const std::string& body) {
  const auto document = json::Document::parse(body);
  const std::string margin(kMargin, ' ');
  std::cout << margin << (document ? pretty(document->root(), kMargin) : body) << '\n';
}

}  // namespace

bool is_stop(std::optional<int> signal) {
  return signal && *signal != SIGCHLD;
}

std::string pretty(const json::Node& node, std::size_t indent) {
  std::string whole;
  json::append(whole, node);
  const bool is_object = node.kind() == json::Kind::object;
  if (indent + whole.size() <= kLineWidth || (!is_object && node.kind() != json::Kind::array)) return whole;
  const std::string margin = '\n' + std::string(indent + kIndent, ' ');
  std::string out = is_object ? "{" : "[";
  std::size_t line_begins = 0;
  for (auto child = node.first(); child; child = child->next()) {
    auto text = (is_object ? quoted(child->key()) + ": " : "") + pretty(*child, indent + kIndent);
    if (child->next()) text += ',';
    const bool is_broken = text.find('\n') != std::string::npos;
    const bool fits = out.size() - line_begins + 1 + text.size() <= kLineWidth;
    if (line_begins == 0 || is_broken || !fits) {
      line_begins = out.size() + 1;
      out += margin;
    } else {
      out += ' ';
    }
    out += text;
    // What follows something broken begins a line of its own.
    if (is_broken) line_begins = 0;
  }
  return out + '\n' + std::string(indent, ' ') + (is_object ? '}' : ']');
}

void Stage::chapter(std::string_view title) {
  ++chapters_;
  if (json_) return;
  std::cout << "\n── " << chapters_ << ". " << title << '\n' << std::flush;
}

void Stage::remark(std::string_view text) {
  if (!json_) std::cout << "\n   " << text << '\n' << std::flush;
}

Answer Stage::ask(const Actor& actor, const Request& request, long expected) {
  auto answer = send(actor, request);
  show(actor, request, answer);
  if (answer.status != expected) {
    throw NotAsItMust(request.method + " " + request.path + " was to be answered " + std::to_string(expected) +
                      ", and was answered " + answer.why());
  }
  return answer;
}

Answer Stage::await(const Actor& actor, const std::string& path,
                    const std::function<bool(const json::Node&)>& is_right) {
  const Request request{.method = "GET", .path = path};
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    auto answer = send(actor, request);
    if (answer.status == 200 && is_right(answer.document().root())) {
      show(actor, request, answer);
      return answer;
    }
    if (std::chrono::steady_clock::now() >= until) {
      show(actor, request, answer);
      throw NotAsItMust("GET " + path + " never became what it must");
    }
    if (is_stop(next_signal(kAskAgainAfter))) throw Interrupted("was stopped");
  }
}

Answer Stage::send(const Actor& actor, const Request& request) const {
  HttpCalls calls(actor.token);
  const auto& base = request.path.starts_with("/api/v1/notifications") ? notification_ : order_;
  return calls.ask({.method = request.method,
                    .url = base + request.path,
                    .body = request.body,
                    .idempotency_key = request.idempotency_key,
                    .deadline = soon()});
}

void Stage::show(const Actor& actor, const Request& request, const Answer& answer) {
  ++requests_;
  if (json_) {
    std::string out;
    json::Writer json(out);
    json.begin_object()
        .member("chapter", chapters_)
        .member("user_id", actor.user_id)
        .member("method", request.method)
        .member("path", request.path);
    if (!request.body.empty()) json.key("request").raw(request.body);
    json.member("status", answer.status);
    if (!answer.body.empty()) json.key("answer").raw(answer.body);
    json.end_object();
    return print_json(out);
  }
  std::cout << "\n   " << request.method << ' ' << request.path << "   (" << actor.user_id << ")\n";
  if (!request.idempotency_key.empty()) std::cout << "   Idempotency-Key: " << request.idempotency_key << '\n';
  if (!request.body.empty()) print_body(request.body);
  std::cout << "   → " << answer.status << (answer.is_replay ? "  Idempotency-Replayed: true" : "") << '\n';
  if (!answer.body.empty()) print_body(answer.body);
  std::cout << std::flush;
}

}  // namespace agora::cli
