#include "libs/jwt/token_cache.hpp"

#include <cstring>

namespace agora::jwt {

std::size_t TokenCache::FirstBytes::operator()(const sql::Sha256& hash) const {
  std::size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

std::optional<Claims> TokenCache::find(const sql::Sha256& hash) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(hash);
  if (found == index_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->claims;
}

void TokenCache::add(const sql::Sha256& hash, Claims claims) {
  const std::lock_guard lock(mutex_);
  if (max_ == 0 || index_.contains(hash)) return;
  if (entries_.size() == max_) {
    index_.erase(entries_.back().hash);
    entries_.pop_back();
  }
  entries_.push_front({hash, std::move(claims)});
  index_.emplace(hash, entries_.begin());
}

void TokenCache::remove(const sql::Sha256& hash) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(hash);
  if (found == index_.end()) return;
  entries_.erase(found->second);
  index_.erase(found);
}

void TokenCache::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  index_.clear();
}

std::size_t TokenCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace agora::jwt
