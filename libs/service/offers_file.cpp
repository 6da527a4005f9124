#include "libs/service/offers_file.hpp"

#include <charconv>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <boost/describe/class.hpp>

#include "embedded/builtin_offers_file.hpp"
#include "libs/json/reader.hpp"

namespace agora::service {
namespace {

constexpr std::string_view kLogId = "offers-file";

/// CloudEvents 1.0 context attributes and the extensions that every event of ours has.
struct Envelope {
  std::string specversion{};
  std::string id{};
  std::string source{};
  std::string type{};
  json::Text<kIdLengthMax> subject{};
  std::string logid{};
  std::string version{};  ///< a decimal string: CloudEvents integers have 32 bits
};
BOOST_DESCRIBE_STRUCT(Envelope, (), (specversion, id, source, type, subject, logid, version))

[[noreturn]] void refuse_line(int number, const std::string& why) {
  throw std::runtime_error("offers file, line " + std::to_string(number) + ": " + why);
}

std::string explain(const Error& error) {
  std::string why = error.message;
  for (const auto& field : error.fields) why += " " + field.pointer + " " + field.message + ".";
  return why;
}

events::Event read_line(std::string_view line, int number) {
  auto parsed = json::Document::parse(line);
  if (!parsed) refuse_line(number, parsed.error().message);
  const auto document = std::make_shared<const json::Document>(*std::move(parsed));
  const auto envelope = json::read<Envelope>(document->root(), json::UnknownFields::ignore);
  if (!envelope) refuse_line(number, explain(envelope.error()));
  const auto data = document->root().member("data");
  if (!data || data->kind() != json::Kind::object) refuse_line(number, "data must be an object");
  if (envelope->specversion != "1.0" || envelope->logid != kLogId) {
    refuse_line(number, "specversion must be 1.0 and logid offers-file");
  }
  std::int64_t version = 0;
  const auto& digits = envelope->version;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (ec != std::errc{} || end != digits.data() + digits.size() || version < 1) {
    refuse_line(number, "version must be a decimal string of at least 1");
  }
  return {.id = envelope->id,
          .source = envelope->source,
          .type = envelope->type,
          .subject = envelope->subject.value,
          .version = version,
          .log_id = std::string(kLogId),
          .document = document,
          .node = document->root()};
}

}  // namespace

std::vector<events::Event> read_offers(std::string_view text) {
  std::vector<events::Event> events;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) events.push_back(read_line(line, number));
  }
  return events;
}

std::vector<events::Event> load_offers(const std::string& path) {
  if (path.empty()) return {};
  if (path == "builtin") return read_offers(builtin_offers());
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + path);
  return read_offers(text.str());
}

std::string_view builtin_offers() {
  return embedded::builtin_offers_file;
}

void apply_offers(sql::Database& database, const std::vector<events::Event>& events, events::Handler& handler) {
  database.write_blocking({}, [&events, &handler](sql::Tx& tx) {
    for (const auto& event : events) {
      const auto applied = handler.apply(tx, event);
      if (!applied)
        throw std::runtime_error("offers file, " + event.type + " " + event.subject + ": " + explain(applied.error()));
    }
  });
}

}  // namespace agora::service
