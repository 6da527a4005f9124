#include "services/order/api/inventory_json.hpp"

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"
#include "libs/json/writer.hpp"

namespace agora::order {
namespace {

struct InventoryVersion {
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(InventoryVersion, (), (version))

}  // namespace

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

std::int64_t version_of_inventory(std::string_view document) {
  return json::read<InventoryVersion>(document, json::UnknownFields::ignore).value().version;
}

}  // namespace agora::order
