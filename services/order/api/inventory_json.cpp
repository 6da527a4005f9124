#include "services/order/api/inventory_json.hpp"

#include "libs/json/writer.hpp"

namespace agora::order {

std::string render_inventory(const Inventory& inventory) {
  const auto& level = inventory.level;
  std::string out;
  json::Writer(out)
      .begin_object()
      .member("offer_id", inventory.offer_id)
      .member("on_hand", level.on_hand)
      .member("reserved", level.reserved)
      .member("available", level.available())
      .member("version", level.version)
      .end_object();
  return out;
}

}  // namespace agora::order
