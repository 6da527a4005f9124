#include "libs/events/kafka/address.hpp"

#include <algorithm>
#include <stdexcept>

#include <boost/url/parse_query.hpp>

namespace agora::events::kafka {
namespace {

constexpr std::string_view kScheme = "kafka://";

/// What Kafka allows in names.
bool is_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

}  // namespace

Address Address::parse(std::string_view url) {
  const std::invalid_argument wrong("the URL of a Kafka cluster is kafka://HOST:PORT[,HOST:PORT...][/PREFIX]");
  if (!url.starts_with(kScheme)) throw wrong;
  url.remove_prefix(kScheme.size());
  Address address;
  if (const auto query = url.find('?'); query != std::string_view::npos) {
    const auto parameters = boost::urls::parse_query(url.substr(query + 1));
    if (!parameters) throw wrong;
    for (const auto& parameter : *parameters) {
      address.properties.emplace_back(parameter.key.decode(), parameter.value.decode());
    }
    url = url.substr(0, query);
  }
  if (const auto slash = url.find('/'); slash != std::string_view::npos) {
    const auto prefix = url.substr(slash + 1);
    if (!is_name(prefix)) throw wrong;
    if (!prefix.empty()) address.prefix = std::string(prefix) + ".";
    url = url.substr(0, slash);
  }
  if (url.empty() || url.find(':') == std::string_view::npos || url.find('@') != std::string_view::npos) throw wrong;
  address.brokers = url;
  return address;
}

}  // namespace agora::events::kafka
