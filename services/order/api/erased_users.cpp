#include "services/order/api/erased_users.hpp"

#include "services/order/store/replicas.hpp"

namespace agora::order {

void ErasedUsers::add(const UserId& user_id) {
  const std::lock_guard lock(mutex_);
  users_.insert(user_id);
}

bool ErasedUsers::contains(const UserId& user_id) const {
  const std::lock_guard lock(mutex_);
  return users_.contains(user_id);
}

void load_erased_users(sql::Database& database, ErasedUsers& erased) {
  const auto users = database.read_blocking({}, [](sql::Tx& tx) { return erased_users(tx); });
  for (const auto& user_id : users) erased.add(user_id);
}

Result<Principal> ErasedUserAuthenticator::authenticate(std::optional<std::string_view> bearer) const {
  AGORA_TRY(auto principal, next_.authenticate(bearer));
  if (!principal.subject.empty() && erased_.contains(UserId(principal.subject))) {
    return Error{Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
  }
  return principal;
}

}  // namespace agora::order
