// I1 and I2 by what clients saw: what was acknowledged is there, and a key made one order.

#include <fstream>
#include <map>
#include <set>

#include "cli/audit_checks.hpp"
#include "libs/json/document.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr sql::Sql kStatus{"SELECT status FROM orders WHERE order_id = $1"};
const std::set<std::string, std::less<>> kStatuses{"pending", "confirmed", "completed", "canceled"};

/// One line of a history: what a client asked or heard. Missing members are empty.
struct Line {
  std::string op;  ///< invoke, ok, fail; info: no answer came
  std::string type;
  std::string order_id;
  std::string key;
  std::string body;
};

std::string member(const json::Node& node, std::string_view name) {
  const auto found = node.member(name);
  if (!found || found->kind() == json::Kind::null) return {};
  if (found->kind() == json::Kind::string) return std::string(found->text());
  std::string text;
  json::append(text, *found);
  return text;
}

std::vector<Line> read_history(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  std::vector<Line> lines;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    if (text.empty()) continue;
    const auto document = json::Document::parse(text);
    const auto wrong = [&](const std::string& why) {
      return std::runtime_error(file.string() + " line " + std::to_string(number) + ": " + why);
    };
    if (!document) throw wrong(document.error().message);
    const auto root = document->root();
    Line line{member(root, "op"), member(root, "type"), member(root, "order_id"), member(root, "key"),
              member(root, "body")};
    static const std::set<std::string, std::less<>> kOps{"invoke", "ok", "fail", "info"};
    if (!kOps.contains(line.op)) throw wrong("op is one of invoke, ok, fail, info");
    if (line.type != "place" && line.type != "cancel") throw wrong("type is place or cancel");
    if (line.op == "ok" && line.order_id.empty()) throw wrong("an ok names its order_id");
    lines.push_back(std::move(line));
  }
  return lines;
}

/// I1: every order that was acknowledged is there, in a legal state; one whose end was acknowledged has ended.
void check_acknowledged(sql::Tx& tx, const std::vector<Line>& history, Report& report) {
  std::map<std::string, bool> acknowledged;  // order id → whether its cancellation was
  for (const auto& line : history) {
    if (line.op == "ok") acknowledged[line.order_id] |= line.type == "cancel";
  }
  for (const auto& [order_id, is_canceled] : acknowledged) {
    auto rows = tx.query(kStatus, {order_id});
    if (!rows.next()) {
      report.violated({"I1", "order_id", order_id, "was acknowledged, and is not there"});
      continue;
    }
    const std::string status(rows.text(0));
    if (!kStatuses.contains(status)) {
      report.violated({"I1", "order_id", order_id, "was acknowledged, and is " + status});
    } else if (is_canceled && status != "canceled") {
      report.violated({"I1", "order_id", order_id, "its cancellation was acknowledged, and it is " + status});
    }
  }
  report.checked("I1", "acknowledged orders", static_cast<std::int64_t>(acknowledged.size()));
}

/// A key belongs to an operation; of a cancellation also to its order.
std::string scope_of(const Line& line) {
  return line.type == "place" ? line.key : line.key + " of " + line.order_id;
}

/// I2: what was answered for a key is one order, and the same bytes each time.
void check_keys(const std::vector<Line>& history, Report& report) {
  std::map<std::string, const Line*> first;
  std::map<std::string, std::string> key_of;
  std::set<std::string> unanswered;
  for (const auto& line : history) {
    if (line.key.empty()) continue;
    const auto scope = scope_of(line);
    if (line.op == "invoke" || line.op == "info") {
      if (!first.contains(scope)) unanswered.insert(scope);
      continue;
    }
    unanswered.erase(scope);
    if (line.op != "ok") continue;
    const auto& before = *first.emplace(scope, &line).first->second;
    if (before.order_id != line.order_id) {
      report.violated({"I2", "key", line.key, "made two orders: " + before.order_id + " and " + line.order_id});
    } else if (!before.body.empty() && !line.body.empty() && before.body != line.body) {
      report.violated({"I2", "key", line.key, "was answered by other bytes the second time"});
    }
    if (line.type != "place") continue;
    const auto& key = key_of.emplace(line.order_id, line.key).first->second;
    if (key != line.key) {
      report.violated({"I2", "order_id", line.order_id, "is the answer to two keys: " + key + " and " + line.key});
    }
  }
  report.checked("I2", "keys", static_cast<std::int64_t>(first.size()));
  report.in_flight("requests of the history without an answer", static_cast<std::int64_t>(unanswered.size()));
}

}  // namespace

void audit_order_history(sql::Tx& tx, const std::optional<fs::path>& file, Report& report) {
  if (!file) {
    for (const auto* invariant : {"I1", "I2"}) {
      report.not_checked(invariant, "needs what clients saw: --history FILE");
    }
    return;
  }
  const auto history = read_history(*file);
  check_acknowledged(tx, history, report);
  check_keys(history, report);
}

}  // namespace agora::cli
