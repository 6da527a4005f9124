#include "services/order/api/demo_users.hpp"

namespace agora::order {

DemoUsers demo_users_of(const std::vector<events::Event>& events) {
  DemoUsers users;
  for (const auto& event : events) {
    if (event.type.starts_with("user.")) users.insert(UserId(event.subject));
  }
  return users;
}

}  // namespace agora::order
