#include "libs/service/erased_users.hpp"

#include "libs/json/writer.hpp"

namespace agora::service {
namespace {

constexpr sql::Sql kErase{
    "INSERT INTO erased_users (user_id, version) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING"};
constexpr sql::Sql kIsErased{"SELECT 1 FROM erased_users WHERE user_id = $1"};
constexpr sql::Sql kErasedAmong{
    "SELECT user_id FROM erased_users WHERE user_id IN (SELECT value FROM json_each($1))",
    "SELECT user_id FROM erased_users WHERE user_id IN (SELECT json_array_elements_text($1::json))"};
constexpr sql::Sql kCount{"SELECT count(*) FROM erased_users"};
constexpr sql::Sql kErased{"SELECT user_id FROM erased_users"};

// Advisory locks, sorted: there is no row of a user's to lock. Only PostgreSQL gets to see them.
#define AGORA_USER_LOCKS(lock)                                            \
  "SELECT " lock                                                          \
  "(key) FROM (SELECT DISTINCT hashtextextended(user_id, 0) AS key FROM " \
  "json_array_elements_text($1::json) AS user_id ORDER BY key) AS keys"
constexpr sql::Sql kKeep{AGORA_USER_LOCKS("pg_advisory_xact_lock_shared")};
constexpr sql::Sql kHold{AGORA_USER_LOCKS("pg_advisory_xact_lock")};

std::string json_array(const std::unordered_set<std::string>& texts) {
  std::string out;
  json::Writer json(out);
  json.begin_array();
  for (const auto& text : texts) json.value(text);
  json.end_array();
  return out;
}

void lock_users(sql::Tx& tx, const sql::Sql& statement, const std::unordered_set<std::string>& user_ids) {
  if (tx.engine() == sql::Engine::sqlite || user_ids.empty()) return;
  const auto wanted = json_array(user_ids);
  auto rows = tx.query(statement, {wanted});
  while (rows.next()) {
  }
}

Task<telemetry::MoreWork> follow(sql::Database& database, ErasedUsers& erased, Ctx ctx) {
  auto work = [&erased](sql::Tx& tx) { erased.take_in(tx); };
  co_await database.read(std::move(ctx), work);
  co_return telemetry::MoreWork::no;
}

}  // namespace

const std::string_view kErasedUsersSchema =
    R"(-- Users who are gone for good: their tokens are refused, and whatever is told of them later.
CREATE TABLE erased_users (
  user_id TEXT COLLATE "C" PRIMARY KEY,
  version BIGINT NOT NULL
);
)";

void ErasedUsers::add(const std::string& user_id) {
  const std::lock_guard lock(mutex_);
  users_.insert(user_id);
}

bool ErasedUsers::contains(const std::string& user_id) const {
  const std::lock_guard lock(mutex_);
  return users_.contains(user_id);
}

void keep_from_erasure(sql::Tx& tx, const std::unordered_set<std::string>& user_ids) {
  lock_users(tx, kKeep, user_ids);
}

void hold_for_erasure(sql::Tx& tx, const std::unordered_set<std::string>& user_ids) {
  lock_users(tx, kHold, user_ids);
}

void ErasedUsers::take_in(sql::Tx& tx) {
  std::int64_t there = 0;
  {
    auto rows = tx.query(kCount);
    rows.next();
    there = rows.int64(0);
  }
  {
    const std::lock_guard lock(mutex_);
    if (there == taken_in_) return;
  }
  std::unordered_set<std::string> all;
  auto rows = tx.query(kErased);
  while (rows.next()) all.emplace(rows.text(0));
  const std::lock_guard lock(mutex_);
  // Of the same snapshot.
  taken_in_ = there;
  users_.merge(all);
}

void erase_user(sql::Tx& tx, const std::string& user_id, std::int64_t version) {
  tx.execute(kErase, {user_id, version});
}

bool is_erased(sql::Tx& tx, const std::string& user_id) {
  auto rows = tx.query(kIsErased, {user_id});
  return rows.next();
}

std::unordered_set<std::string> erased_among(sql::Tx& tx, const std::unordered_set<std::string>& user_ids) {
  const auto wanted = json_array(user_ids);
  std::unordered_set<std::string> erased;
  auto rows = tx.query(kErasedAmong, {wanted});
  while (rows.next()) erased.emplace(rows.text(0));
  return erased;
}

Error erased_user_error() {
  return {Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
}

void load_erased_users(sql::Database& database, ErasedUsers& erased) {
  database.read_blocking({}, [&erased](sql::Tx& tx) { erased.take_in(tx); });
}

telemetry::Job follow_erased_users(sql::Database& database, ErasedUsers& erased) {
  return [&database, &erased](Ctx ctx) { return follow(database, erased, std::move(ctx)); };
}

Result<Principal> ErasedUserAuthenticator::authenticate(std::optional<std::string_view> bearer) const {
  AGORA_TRY(auto principal, next_.authenticate(bearer));
  if (!principal.subject.empty() && erased_.contains(principal.subject)) {
    return erased_user_error();
  }
  return principal;
}

}  // namespace agora::service
