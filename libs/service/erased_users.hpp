#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "libs/http/authenticator.hpp"
#include "libs/sql/database.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::service {

/// Users who are gone for good, as this process knows them. It only grows. Thread-safe.
class ErasedUsers {
 public:
  void add(const std::string& user_id);
  bool contains(const std::string& user_id) const;
  /// Takes in those that the database has, where it has others than when it was asked last. Rows of it are never
  /// deleted: that there are as many says that there is none new.
  void take_in(sql::Tx& tx);

 private:
  mutable std::mutex mutex_;
  std::unordered_set<std::string> users_;
  std::int64_t taken_in_ = 0;  ///< rows that were there
};

/// Until this transaction ends nobody erases these users: what it writes of them is then there to be erased. First of
/// all locks. SQLite has one writer, and nothing to do.
void keep_from_erasure(sql::Tx& tx, const std::unordered_set<std::string>& user_ids);
/// The other side: waits until nobody keeps these users. First of all locks.
void hold_for_erasure(sql::Tx& tx, const std::unordered_set<std::string>& user_ids);

/// Remembers for good that a user is gone. `version`: of the tombstone. What a service holds of them is its own to
/// delete.
void erase_user(sql::Tx& tx, const std::string& user_id, std::int64_t version);
bool is_erased(sql::Tx& tx, const std::string& user_id);
/// Those of `user_ids` who are gone.
std::unordered_set<std::string> erased_among(sql::Tx& tx, const std::unordered_set<std::string>& user_ids);
/// What they are answered, as if their token were none of ours: unauthenticated `invalid_token`.
Error erased_user_error();

/// Takes in those that the database has.
void load_erased_users(sql::Database& database, ErasedUsers& erased);
/// The same, for a job: another process on the database may have erased some. Both must outlive it.
telemetry::Job follow_erased_users(sql::Database& database, ErasedUsers& erased);

/// Refuses the tokens of erased users as if they were none of ours. Both must outlive it.
class ErasedUserAuthenticator final : public http::Authenticator {
 public:
  ErasedUserAuthenticator(const http::Authenticator& next, const ErasedUsers& erased) : next_(next), erased_(erased) {}
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override;

 private:
  const http::Authenticator& next_;
  const ErasedUsers& erased_;
};

/// The table; a migration of every service that hears of users. SQL of both engines.
extern const std::string_view kErasedUsersSchema;

}  // namespace agora::service
