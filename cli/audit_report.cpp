#include "cli/audit_report.hpp"

#include <map>

#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

void write_report(json::Writer& json, const Report& report) {
  json.key("checked").begin_array();
  for (const auto& one : report.all_checked()) {
    json.begin_object()
        .member("invariant", one.invariant)
        .member("what", one.what)
        .member("count", one.count)
        .end_object();
  }
  json.end_array().key("not_checked").begin_array();
  for (const auto& one : report.all_not_checked()) {
    json.begin_object().member("invariant", one.invariant).member("why", one.why).end_object();
  }
  json.end_array().key("in_flight").begin_array();
  for (const auto& one : report.all_in_flight()) {
    json.begin_object().member("what", one.what).member("count", one.count).end_object();
  }
  json.end_array().key("parked").begin_array();
  for (const auto& one : report.all_parked()) {
    json.begin_object().member("event_id", one.event_id).member("what", one.what).end_object();
  }
  json.end_array().key("violations").begin_array();
  for (const auto& one : report.violations()) {
    json.begin_object()
        .member("invariant", one.invariant)
        .member("id_name", one.id_name)
        .member("id", one.id)
        .member("what", one.what)
        .end_object();
  }
  json.end_array();
}

std::string text_of(const Report& report) {
  std::string out;
  std::map<std::string, std::int64_t> broken;
  for (const auto& violation : report.violations()) ++broken[violation.invariant];
  // A line for each invariant, in the order they were checked.
  std::vector<std::string> names;
  std::map<std::string, std::string> looked_at;
  for (const auto& one : report.all_checked()) {
    auto& line = looked_at[one.invariant];
    if (line.empty()) names.push_back(one.invariant);
    line += (line.empty() ? "" : ", ") + std::to_string(one.count) + " " + one.what;
  }
  for (const auto& name : names) {
    const auto count = broken[name];
    const auto verdict = count == 0 ? std::string("ok") : std::to_string(count) + " violated";
    out += "  " + padded(name, 6) + padded(verdict, 14) + looked_at[name] + "\n";
  }
  for (const auto& one : report.all_not_checked()) {
    out += "  " + padded(one.invariant, 6) + padded("not checked", 14) + one.why + "\n";
  }
  for (const auto& one : report.all_in_flight()) {
    out += "  in flight: " + std::to_string(one.count) + " " + one.what + "\n";
  }
  for (const auto& one : report.all_parked()) out += "  parked: event_id=" + one.event_id + ": " + one.what + "\n";
  for (const auto& one : report.violations()) {
    out += "  VIOLATED " + one.invariant + " " + one.id_name + "=" + one.id + ": " + one.what + "\n";
  }
  return out;
}

}  // namespace

void Report::checked(std::string_view invariant, std::string_view what, std::int64_t count) {
  checked_.push_back({std::string(invariant), std::string(what), count});
}

void Report::not_checked(std::string_view invariant, std::string_view why) {
  not_checked_.push_back({std::string(invariant), std::string(why)});
}

void Report::in_flight(std::string_view what, std::int64_t count) {
  in_flight_.push_back({std::string(what), count});
}

void Report::parked(std::string event_id, std::string what) {
  parked_.push_back({std::move(event_id), std::move(what)});
}

void Report::violated(Violation violation) {
  violations_.push_back(std::move(violation));
}

std::int64_t count_violations(const std::vector<Audited>& all) {
  std::int64_t count = 0;
  for (const auto& one : all) count += static_cast<std::int64_t>(one.report.violations().size());
  return count;
}

std::string as_json(const std::vector<Audited>& all) {
  std::string out;
  json::Writer json(out);
  json.begin_object().member("clean", count_violations(all) == 0).key("services").begin_array();
  for (const auto& one : all) {
    json.begin_object().member("service", one.service).member("database", one.database);
    write_report(json, one.report);
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

std::string as_text(const std::vector<Audited>& all) {
  std::string out;
  for (const auto& one : all) out += one.service + "  " + one.database + "\n" + text_of(one.report);
  const auto violations = count_violations(all);
  out += violations == 0   ? "clean: no violations\n"
         : violations == 1 ? "not clean: 1 violation\n"
                           : "not clean: " + std::to_string(violations) + " violations\n";
  return out;
}

}  // namespace agora::cli
