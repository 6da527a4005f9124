#pragma once
#include <unordered_set>
#include <vector>

#include "libs/events/event.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// The users of the offers file, for whom a demo guest may act. Filled at start, then only read.
using DemoUsers = std::unordered_set<UserId>;

/// The users among the events of an offers file.
DemoUsers demo_users_of(const std::vector<events::Event>& events);

}  // namespace agora::order
