#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/sql/idempotency.hpp"

namespace agora::order {

/// What a write answers: the bytes of the first time, and whether this was a repeat.
struct Answered {
  sql::StoredAnswer answer;
  bool replayed = false;
};

/// The answers of one span under their idempotency keys: each command is decided once, in queue order; whoever repeats
/// a key, also later in the same span, gets the bytes of the first. Decisions come first, then all writes, then the
/// answers: they quote what the writes drew.
class KeyedAnswers {
 public:
  KeyedAnswers(sql::Tx& tx, std::vector<std::optional<sql::IdempotencyKey>> keys, Timestamp now);

  /// Runs `decision` unless command i repeats a key. Call for each i in order.
  void decide(std::size_t i, const std::function<Result<void>()>& decision);
  /// The answer of a command whose decision was a yes. Call after its writes.
  void accept(std::size_t i, sql::StoredAnswer answer);
  /// Stores the answers with their keys; one result per command, in order.
  std::vector<Result<Answered>> finish();

 private:
  std::size_t first_with_key_of(std::size_t i) const;

  std::vector<std::optional<sql::IdempotencyKey>> keys_;
  sql::KeySpan span_;
  std::vector<std::optional<Result<Answered>>> results_;
  std::vector<std::optional<std::size_t>> repeats_;  ///< of an earlier command of this span
};

/// The keys of a span's commands.
template <class Commands>
std::vector<std::optional<sql::IdempotencyKey>> keys_of(const Commands& commands) {
  std::vector<std::optional<sql::IdempotencyKey>> keys;
  keys.reserve(commands.size());
  for (const auto& command : commands) keys.push_back(command.key);
  return keys;
}

}  // namespace agora::order
