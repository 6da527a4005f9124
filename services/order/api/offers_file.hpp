#pragma once
#include <string>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/sql/database.hpp"
#include "services/order/api/demo_users.hpp"
#include "services/order/api/on_event.hpp"

namespace agora::order {

/// The events of an offers file: CloudEvents 1.0, one JSON object a line, `logid` `offers-file`. `text`: its bytes.
/// Throws std::runtime_error that names the line and what is wrong with it.
std::vector<events::Event> read_offers(std::string_view text);

/// The offers file of `--standalone`: user u1, seller s42, product p42, variant v42, offer o42 at 499.99 USD, 10^6 in
/// stock.
std::string_view builtin_offers();

/// Applies them, in one transaction, as if they had come from catalog and auth. At every start; repeating changes
/// nothing.
void apply_offers(sql::Database& database, const std::vector<events::Event>& events, EventHandler& handler);

/// The users among them.
DemoUsers demo_users_of(const std::vector<events::Event>& events);

}  // namespace agora::order
