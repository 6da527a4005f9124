#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/sql/sha256.hpp"
#include "libs/sql/tx.hpp"

namespace agora::sql {

/// A request's idempotency key in its scope. Made by idempotency_key(), stored as (principal, hash) with the hash of
/// the body.
struct IdempotencyKey {
  std::string principal;
  Sha256 scope;  ///< SHA-256 of operation, path parameters and key, length-prefixed
  Sha256 body;   ///< SHA-256 of the request's body
};

/// `path_parameters` in the order of the route's template.
IdempotencyKey idempotency_key(std::string principal, std::string_view operation_id,
                               const std::vector<std::string_view>& path_parameters, std::string_view key,
                               std::string_view body);

/// What was answered the first time, to the byte.
struct StoredAnswer {
  int status = 0;
  std::string location{};  ///< empty: none
  std::string body{};
};

/// The keys of one span (or of one work: then of size one), claimed and answered as data rules want:
/// all inserted sorted, the answers of those not won read in a later statement, each command admitted in queue order,
/// and at the end the answers written and the claims of every "no" deleted, in the same transaction as the effects.
/// SQLite has one writer: it reads, decides, inserts. Commands without a key (nullopt) are always admitted.
///
///     KeySpan keys(tx, std::move(requests), now);
///     for (i…) std::visit over keys.admit(i): Admitted → decide; keys.accept(i, answer) if it committed something,
///     nothing if it was a no keys.finish();
class KeySpan {
 public:
  struct Admitted {};     ///< decide this command
  struct BodyDiffers {};  ///< the key was used with another body: 422 `idempotency_key_reused`

  /// Claims. May throw DatabaseError (PostgreSQL: serialization, when a claim was neither won nor found; the span runs
  /// again).
  KeySpan(Tx& tx, std::vector<std::optional<IdempotencyKey>> requests, Timestamp now);
  KeySpan(const KeySpan&) = delete;
  KeySpan& operator=(const KeySpan&) = delete;

  /// What to do with command i; call in queue order, after accept() of the ones before. Of two equal keys the second
  /// sees the first's answer.
  std::variant<Admitted, StoredAnswer, BodyDiffers> admit(std::size_t i);
  /// Command i committed something and answers this; kept for whoever repeats the key. Called again, the later answer
  /// counts. No-op for a command without a key.
  void accept(std::size_t i, StoredAnswer answer);
  /// Writes the answers, deletes the claims of what was refused. Call once, last.
  void finish();

 private:
  /// One key of the span, however many commands carry it.
  struct Entry {
    const IdempotencyKey* key;
    bool claimed = false;                  ///< PostgreSQL: our row is in the table
    bool accepted = false;                 ///< by a command of this span
    std::optional<StoredAnswer> answer{};  ///< of before, or of this span
    Sha256 body{};                         ///< of the request that was answered
  };
  static constexpr std::size_t kNoKey = SIZE_MAX;

  void claim();
  void find_answers();

  Tx& tx_;
  Timestamp now_;
  std::vector<std::optional<IdempotencyKey>> requests_;
  std::vector<Entry> entries_;         ///< sorted by (principal, scope), bytewise
  std::vector<std::size_t> entry_of_;  ///< of each command; kNoKey
};

/// Deletes at most `limit` keys made before `before`; how many went. For the cleaning job (keys are kept 24 h).
std::int64_t delete_idempotency_keys(Tx& tx, Timestamp before, std::int64_t limit);

/// Makes the answers kept for one principal another's; where the other has one under the same key, that one stays. What
/// was answered a guest is so repeated to the user it became.
void rename_principal(Tx& tx, std::string_view from, std::string_view to);

/// Deletes the answers kept for an erased principal; how many went.
std::int64_t forget_principal(Tx& tx, std::string_view principal);

/// The table; every service's first migration.
extern const std::string_view kIdempotencySchema;

}  // namespace agora::sql
