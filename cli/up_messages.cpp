#include "cli/up_messages.hpp"

#include <array>
#include <iostream>
#include <sstream>

#include "cli/command.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

/// "0.10 s", cut.
std::string seconds(std::chrono::milliseconds time) {
  const auto hundredths = std::to_string(100 + time.count() % 1'000 / 10);
  return std::to_string(time.count() / 1'000) + "." + hundredths.substr(1) + " s";
}

std::string how(const Ended& ended) {
  return ended.signal != 0 ? "was killed by signal " + std::to_string(ended.signal)
                           : "ended with exit code " + std::to_string(ended.exit_code);
}

std::string padded(std::string_view name) {
  static constexpr std::size_t kWidth = 14;
  return std::string(name) + std::string(name.size() < kWidth ? kWidth - name.size() : 1, ' ');
}

}  // namespace

std::string host_of(const std::string& address, std::uint16_t port) {
  const auto host = address == "0.0.0.0" ? "127.0.0.1" : address == "::" ? "::1" : address;
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string url_of(const std::string& address, std::uint16_t port) {
  return "http://" + host_of(address, port);
}

void print_addresses(const std::vector<Supervised>& all, const std::filesystem::path& data) {
  std::ostringstream out;
  out << "\nAgora is up. Ctrl-C stops it.\n\n";
  for (const auto& one : all) {
    out << "  " << padded(one.service.name);
    for (const auto& url : one.urls) out << url << "   ";
    out << "(API pages: " << one.urls.front() << "/docs)\n"
        << "  " << padded("") << one.internal_url << "/metrics\n";
  }
  out << "  " << padded("mails") << (data / "mail" / "new").string() << "\n";
  const auto& orders = all.front().urls.front();
  out << "\nThree things to try:\n\n"
      << "  curl " << orders << "/health\n"
      << "  curl " << orders << "/orders -H 'Content-Type: application/json' \\\n"
      << "       -d '{\"user_id\":\"u1\",\"product_id\":\"p42\",\"quantity\":2,\"price\":499.99}'\n"
      << "  curl " << orders << "/orders/ORDER_ID      # the order_id of the answer before\n";
  out << "\nAs a user, with a token that is good for five minutes:\n\n"
      << "  curl " << orders << "/orders \\\n"
      << "       -H \"Authorization: Bearer $(" << std::filesystem::read_symlink("/proc/self/exe").string()
      << " tokens make --data " << data.string() << " --subject u1)\"\n";
  std::cout << out.str() << std::endl;
}

void print_addresses_as_json(const std::vector<Supervised>& all) {
  std::string out;
  json::Writer json(out);
  json.begin_object().member("event", "up").key("services").begin_array();
  for (const auto& one : all) {
    json.begin_object()
        .member("service", one.service.program)
        .member("url", one.urls.front())
        .member("internal_url", one.internal_url)
        .end_object();
  }
  json.end_array().end_object();
  print_json(out);
}

void tell_people(const Change& change) {
  const auto who = std::string(change.service.service.program) + " (process " + std::to_string(change.pid) + ")";
  switch (change.kind) {
    case Change::Kind::started:
      return say("starting " + who);
    case Change::Kind::ready:
      return say(who + " is ready");
    case Change::Kind::slow:
      return say("still waiting for " + who + " to be ready");
    case Change::Kind::died:
      return say(who + " " + how(change.ended) + "; starting it again in " + seconds(change.restart_after));
    case Change::Kind::refused:
      return say(who + " cannot run as it was started; its message above says why. Stopping.");
    case Change::Kind::killed:
      return say(who + " did not stop in time and was killed");
    case Change::Kind::stopped:
      return say(who + " " + (change.ended.signal == 0 && change.ended.exit_code == 0 ? "stopped" : how(change.ended)));
  }
}

void tell_programs(const Change& change) {
  static constexpr std::array<std::string_view, 7> kNames{"started", "ready",  "slow",   "died",
                                                          "refused", "killed", "stopped"};
  std::string out;
  json::Writer json(out);
  json.begin_object()
      .member("event", kNames.at(static_cast<std::size_t>(change.kind)))
      .member("service", change.service.service.program)
      .member("pid", std::int64_t{change.pid});
  if (change.ended.pid != 0) {
    const auto [name, value] = change.ended.signal != 0 ? std::pair{"signal", change.ended.signal}
                                                        : std::pair{"exit_code", change.ended.exit_code};
    json.member(name, value);
  }
  if (change.kind == Change::Kind::died) json.member("restart_after_ms", std::int64_t{change.restart_after.count()});
  json.end_object();
  print_json(out);
}

}  // namespace agora::cli
