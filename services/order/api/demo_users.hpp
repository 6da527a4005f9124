#pragma once
#include <string>
#include <unordered_set>

#include "services/order/core/types.hpp"

namespace agora::order {

/// The users of the offers file, for whom a demo guest may act. Filled at start, then only read.
using DemoUsers = std::unordered_set<UserId>;

}  // namespace agora::order
