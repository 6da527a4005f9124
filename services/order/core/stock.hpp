#pragma once
#include <cstdint>
#include <map>

#include "services/order/core/types.hpp"

namespace agora::order {

/// What is there of one offer, at its one stock location. Invariant: 0 ≤ reserved ≤ on_hand.
struct StockLevel {
  std::int64_t on_hand = 0;
  std::int64_t reserved = 0;
  std::int64_t version = 0;

  std::int64_t available() const { return on_hand - reserved; }
};

/// The stock rows that a decision holds, and which of them it changed. Kept in offer order: that is the order they are
/// locked and written in.
class StockLevels {
 public:
  struct Entry {
    StockLevel level;
    bool changed = false;
  };

  void add(OfferId offer_id, StockLevel level) { entries_.emplace(std::move(offer_id), Entry{level}); }
  /// Units that can still be reserved; 0 for an offer without a stock row.
  std::int64_t available(const OfferId& offer_id) const;
  /// Reserves `quantity` (> 0), which must be available.
  void reserve(const OfferId& offer_id, std::int64_t quantity);
  /// Gives back `quantity` that was reserved before.
  void release(const OfferId& offer_id, std::int64_t quantity);
  /// Puts `delta` more on hand, or takes them away; what is reserved must stay there. A movement says why.
  void move(const OfferId& offer_id, std::int64_t delta);

  /// Takes `quantity` that was reserved away: it is no longer here.
  void ship(const OfferId& offer_id, std::int64_t quantity);

  const std::map<OfferId, Entry>& entries() const { return entries_; }

 private:
  Entry& at(const OfferId& offer_id);

  std::map<OfferId, Entry> entries_;
};

}  // namespace agora::order
