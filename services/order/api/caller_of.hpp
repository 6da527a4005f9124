#pragma once
#include "libs/base/ctx.hpp"
#include "services/order/core/caller.hpp"

namespace agora::order {

inline Caller caller_of(const Principal& principal) {
  return {UserId(principal.subject), principal.has(Role::support)};
}

}  // namespace agora::order
