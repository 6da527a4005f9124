#pragma once
#include "services/order/core/types.hpp"

namespace agora::order {

/// Who asks for something that may be another's.
struct Caller {
  UserId user_id{};
  bool is_support = false;  ///< for anybody; what they change goes into the audit log
};

}  // namespace agora::order
