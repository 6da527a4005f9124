#include "cli/events_answers.hpp"

#include <algorithm>
#include <iostream>

#include "cli/http_calls.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

/// Calls `each` with the objects of an array member.
template <class Each>
void for_each_of(const json::Document& document, std::string_view name, Each each) {
  const auto list = document.root().member(name);
  for (auto node = list ? list->first() : std::nullopt; node; node = node->next()) each(*node);
}

/// The same for the items of pages.
template <class Each>
void for_each_item(const std::vector<json::Document>& pages, Each each) {
  for (const auto& page : pages) for_each_of(page, "items", each);
}

bool is_meant(const Wanted& found, const Wanted& wanted) {
  const auto fits = [](const std::string& value, const std::string& said) { return said.empty() || value == said; };
  return fits(found.publisher, wanted.publisher) && fits(found.log_id, wanted.log_id) &&
         fits(found.topic, wanted.topic) && fits(found.subject, wanted.subject);
}

}  // namespace

std::string Wanted::as_json() const {
  std::string out;
  json::Writer(out)
      .begin_object()
      .member("publisher", publisher)
      .member("log_id", log_id)
      .member("topic", topic)
      .member("subject", subject)
      .end_object();
  return out;
}

std::vector<Wanted> matching_subjects(const std::vector<json::Document>& parked, const Wanted& wanted) {
  std::vector<Wanted> matching;
  for_each_item(parked, [&](const json::Node& item) {
    const Wanted found{text_member(item, "publisher"), text_member(item, "log_id"), text_member(item, "topic"),
                       text_member(item, "subject")};
    // Several versions of one subject may be parked.
    const bool is_new =
        std::none_of(matching.begin(), matching.end(), [&](const Wanted& known) { return is_meant(known, found); });
    if (is_new && is_meant(found, wanted)) matching.push_back(found);
  });
  return matching;
}

std::string items_text(const std::vector<json::Document>& pages) {
  std::string text = "[";
  for_each_item(pages, [&](const json::Node& item) {
    if (text.size() > 1) text += ',';
    json::append(text, item);
  });
  return text + ']';
}

void print_consumers(const json::Document& consumers) {
  bool any = false;
  for_each_of(consumers, "items", [&](const json::Node& item) {
    any = true;
    const auto degraded = text_member(item, "degraded");
    const auto log_id = text_member(item, "log_id");
    const auto stream = text_member(item, "stream");
    std::cout << text_member(item, "publisher") << (stream.empty() ? "" : " " + stream) << ": "
              << (log_id.empty() ? "nothing read yet" : "read through event " + text_member(item, "sequence"))
              << (log_id.empty() ? "" : " of log " + log_id) << (degraded.empty() ? "" : "; DEGRADED: " + degraded)
              << '\n';
  });
  if (!any) std::cout << "this service consumes no log\n";
}

void print_parked(const std::vector<json::Document>& pages) {
  bool any = false;
  for_each_item(pages, [&](const json::Node& item) {
    any = true;
    const bool is_dead = text_member(item, "dead") == "true";
    std::cout << "parked: " << text_member(item, "publisher") << ' ' << text_member(item, "topic") << ' '
              << text_member(item, "subject") << " version " << text_member(item, "version") << ", "
              << text_member(item, "reason") << " (" << text_member(item, "detail") << "), since "
              << text_member(item, "parked_at") << ", tried " << text_member(item, "attempts") << " times, "
              << (is_dead ? "given up" : "next at " + text_member(item, "retry_at")) << '\n';
  });
  if (!any) std::cout << "nothing is parked\n";
  std::cout.flush();
}

void print_rebuilt(const json::Document& rebuilt, const std::string& publisher) {
  for_each_of(rebuilt, "lowered", [&](const json::Node& subject) {
    std::cout << "lowered: " << text_member(subject, "topic") << ' ' << text_member(subject, "subject")
              << ", of which events were applied that the log does not have\n";
  });
  const auto not_compared = text_member(rebuilt.root(), "not_compared_through");
  if (not_compared != "0")
    std::cout << "not compared: events up to number " << not_compared << ", which were trimmed\n";
  if (text_member(rebuilt.root(), "done") == "true") {
    std::cout << "rebuilt: " << publisher << "'s log is read anew from its beginning\n";
  }
  std::cout.flush();
}

}  // namespace agora::cli
