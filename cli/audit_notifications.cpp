// I7: nobody is notified twice of one thing, and whoever is to be told has been told.

#include <array>
#include <map>

#include "cli/audit_delivery.hpp"
#include "cli/service_databases.hpp"
#include "libs/json/document.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

constexpr std::size_t kAskedAtOnce = 500;

constexpr sql::Sql kNotifications{"SELECT count(*) FROM notifications"};
constexpr std::array<Rule, 1> kNotifiedOnce{{
    {"I7", "event_id",
     "SELECT event_id, 'made ' || count(*) || ' notifications to ' || user_id || ' by ' || channel "
     "FROM notifications GROUP BY event_id, user_id, channel HAVING count(*) > 1"},
}};
#define AGORA_AMONG "IN (SELECT value FROM json_each($1))"
#define AGORA_AMONG_PG "= ANY (ARRAY(SELECT json_array_elements_text($1::json)))"
constexpr sql::Sql kNotified{"SELECT event_id, user_id, channel FROM notifications WHERE event_id " AGORA_AMONG,
                             "SELECT event_id, user_id, channel FROM notifications WHERE event_id " AGORA_AMONG_PG};
constexpr sql::Sql kErased{"SELECT user_id FROM erased_users WHERE user_id " AGORA_AMONG,
                           "SELECT user_id FROM erased_users WHERE user_id " AGORA_AMONG_PG};

/// What a buyer is told of.
bool tells_buyer(std::string_view type) {
  return type == "order_group.placed" || type == "order_group.paid" || type == "order_group.capture_refused" ||
         type == "order.lines_canceled" || type == "order.refunded";
}

/// Who it is told to; none where it cannot be read, or gave back nothing.
std::optional<std::string> buyer_in(std::string_view type, const std::string& data) {
  const auto document = json::Document::parse(data);
  // What cannot be read is named where it was written.
  if (!document) return std::nullopt;
  if (type == "order.refunded") {
    const auto amount = document->root().member("amount");
    if (amount && amount->kind() == json::Kind::number && amount->text() == "0") return std::nullopt;
  }
  const auto user = document->root().member("user_id");
  if (!user || user->kind() != json::Kind::string) return std::nullopt;
  return std::string(user->text());
}

template <class Items, class Name>
std::string list_of(const Items& items, const Name& name) {
  std::string out;
  json::Writer json(out);
  json.begin_array();
  for (const auto& item : items) {
    if (const auto text = name(item)) json.value(*text);
  }
  json.end_array();
  return out;
}

}  // namespace

void audit_notifications(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "notifications")) return;
  report.checked("I7", "notifications", count(tx, kNotifications));
  check(tx, kNotifiedOnce, report);
}

void ToldPeople::take(std::string event_id, std::string_view type, const std::string& subject,
                      const std::optional<std::string>& data) {
  const bool is_sale = type == "order.paid";
  if (!is_sale && !tells_buyer(type)) return;
  const auto buyer = data ? buyer_in(type, *data) : std::nullopt;
  if (!is_sale && !buyer) return;
  waiting_.push_back({std::move(event_id), std::string(type) + " of " + subject, buyer});
  if (waiting_.size() == kAskedAtOnce) ask();
}

void ToldPeople::ask() {
  std::multimap<std::string, std::pair<std::string, std::string>> notified;
  {
    const auto ids = list_of(waiting_, [](const auto& one) { return std::optional(one.event_id); });
    auto rows = tx_.query(kNotified, {ids});
    while (rows.next()) notified.emplace(rows.text(0), std::pair(std::string(rows.text(1)), std::string(rows.text(2))));
  }
  std::set<std::string> erased;
  {
    const auto users = list_of(waiting_, [](const auto& one) { return one.buyer; });
    auto rows = tx_.query(kErased, {users});
    while (rows.next()) erased.emplace(rows.text(0));
  }
  for (const auto& one : waiting_) {
    const auto [begin, end] = notified.equal_range(one.event_id);
    if (!one.buyer) {
      // Its seller may have had no members then.
      told_nobody_ += begin == end ? 1 : 0;
      continue;
    }
    ++tellable_;
    const bool is_told = std::any_of(
        begin, end, [&](const auto& made) { return made.second == std::pair(*one.buyer, std::string("in_app")); });
    // A user who is gone is told nothing, and what is parked comes later.
    if (is_told || erased.contains(*one.buyer) || parked_.contains(one.event_id)) continue;
    report_.violated({"I7", "event_id", one.event_id, one.what + " was not told to its buyer"});
  }
  waiting_.clear();
}

void ToldPeople::finish() {
  ask();
  report_.checked("I7", "events that a buyer is to be told of", tellable_);
  if (told_nobody_ == 0) return;
  report_.not_checked("I7", std::to_string(told_nobody_) + " paid orders of which no member of the seller was told");
}

}  // namespace agora::cli
