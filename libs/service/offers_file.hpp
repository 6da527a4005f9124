#pragma once
#include <string>
#include <vector>

#include "libs/events/inbox.hpp"
#include "libs/sql/database.hpp"

namespace agora::service {

/// The events of an offers file: CloudEvents 1.0, one JSON object a line, `logid` `offers-file`. `text`: its bytes.
/// Throws std::runtime_error that names the line and what is wrong with it.
std::vector<events::Event> read_offers(std::string_view text);

/// Those of a file, of `builtin`, or none for "". Throws also when the file cannot be read.
std::vector<events::Event> load_offers(const std::string& path);

/// The demo marketplace: users u1 and u42, seller s42 (whose owner is u42), product p42, variant v42, offer o42 at
/// 499.99 USD, 10^6 in stock.
std::string_view builtin_offers();

/// Applies them, in one transaction, as if they had come from their services; they have no number in a log. At every
/// start; repeating changes nothing. Throws std::runtime_error that names the event which was refused.
void apply_offers(sql::Database& database, const std::vector<events::Event>& events, events::Handler& handler);

}  // namespace agora::service
