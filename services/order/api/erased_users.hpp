#pragma once
#include <memory>
#include <mutex>
#include <unordered_set>

#include "libs/http/authenticator.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Users who are gone for good, as this process knows them. It only grows. Thread-safe.
class ErasedUsers {
 public:
  void add(const UserId& user_id);
  bool contains(const UserId& user_id) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_set<UserId> users_;
};

/// Takes in those that the database has.
void load_erased_users(sql::Database& database, ErasedUsers& erased);

/// Refuses the tokens of erased users as if they were none of ours. Both must outlive it.
class ErasedUserAuthenticator final : public http::Authenticator {
 public:
  ErasedUserAuthenticator(const http::Authenticator& next, const ErasedUsers& erased) : next_(next), erased_(erased) {}
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;

 private:
  const http::Authenticator& next_;
  const ErasedUsers& erased_;
};

}  // namespace agora::order
