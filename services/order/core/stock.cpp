#include "services/order/core/stock.hpp"

#include <stdexcept>

namespace agora::order {

std::int64_t StockLevels::available(const OfferId& offer_id) const {
  const auto found = entries_.find(offer_id);
  return found == entries_.end() ? 0 : found->second.level.available();
}

void StockLevels::reserve(const OfferId& offer_id, std::int64_t quantity) {
  auto& entry = at(offer_id);
  if (quantity <= 0 || quantity > entry.level.available()) throw std::logic_error("reserved more than is available");
  entry.level.reserved += quantity;
  entry.changed = true;
}

void StockLevels::release(const OfferId& offer_id, std::int64_t quantity) {
  auto& entry = at(offer_id);
  if (quantity < 0 || quantity > entry.level.reserved) throw std::logic_error("released more than is reserved");
  entry.level.reserved -= quantity;
  entry.changed = true;
}

void StockLevels::move(const OfferId& offer_id, std::int64_t delta) {
  auto& entry = at(offer_id);
  if (entry.level.on_hand + delta < entry.level.reserved) throw std::logic_error("took away what is reserved");
  entry.level.on_hand += delta;
  entry.changed = true;
}

void StockLevels::ship(const OfferId& offer_id, std::int64_t quantity) {
  release(offer_id, quantity);
  at(offer_id).level.on_hand -= quantity;
}

StockLevels::Entry& StockLevels::at(const OfferId& offer_id) {
  const auto found = entries_.find(offer_id);
  if (found == entries_.end()) throw std::logic_error("no stock row was loaded for the offer");
  return found->second;
}

}  // namespace agora::order
