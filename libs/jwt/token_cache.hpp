#pragma once
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "libs/jwt/token.hpp"
#include "libs/sql/sha256.hpp"

namespace agora::jwt {

/// Verified tokens by their hash, so that a token in use is verified once: the least recently used make room. It holds
/// no token. Whether claims still count is the caller's to see. Thread-safe.
class TokenCache {
 public:
  /// `max`: most tokens; 0 keeps none.
  explicit TokenCache(std::size_t max) : max_(max) {}

  std::optional<Claims> find(const sql::Sha256& hash);
  void add(const sql::Sha256& hash, Claims claims);
  void remove(const sql::Sha256& hash);
  void clear();
  std::size_t size() const;

 private:
  struct Entry {
    sql::Sha256 hash;
    Claims claims;
  };
  /// SHA-256 is spread already.
  struct FirstBytes {
    std::size_t operator()(const sql::Sha256& hash) const;
  };

  const std::size_t max_;
  mutable std::mutex mutex_{};
  std::list<Entry> entries_{};  ///< guarded by mutex_, as is the index; the most recently used first
  std::unordered_map<sql::Sha256, std::list<Entry>::iterator, FirstBytes> index_{};
};

}  // namespace agora::jwt
