// The order service: its own parts, put on what every service's process is.

#include <iostream>

#include "embedded/docs_page.hpp"
#include "embedded/index_page.hpp"
#include "embedded/openapi_document.hpp"
#include "libs/http/error_table.hpp"
#include "libs/service/contract_pages.hpp"
#include "libs/service/offers_file.hpp"
#include "libs/service/process.hpp"
#include "services/order/api/cart_json.hpp"
#include "services/order/api/fulfillment_json.hpp"
#include "services/order/api/grpc_orders.hpp"
#include "services/order/api/http_carts.hpp"
#include "services/order/api/http_fulfillments.hpp"
#include "services/order/api/http_inventory.hpp"
#include "services/order/api/http_order_groups.hpp"
#include "services/order/api/http_order_lists.hpp"
#include "services/order/api/http_orders.hpp"
#include "services/order/api/inventory_json.hpp"
#include "services/order/api/jobs.hpp"
#include "services/order/api/live_orders.hpp"
#include "services/order/api/on_event.hpp"
#include "services/order/api/order_json.hpp"

namespace agora::order {
namespace {

http::Router public_router(const OrderRoutes& routes, const CartRoutes& carts, const FulfillmentRoutes& fulfillments,
                           const InventoryRoutes& inventory, const OrderListRoutes& lists) {
  http::Router router;
  router.mount("", service::page_routes({embedded::index_page, embedded::docs_page, embedded::openapi_document}));
  router.mount("", http::error_routes());
  for (const auto* prefix : {"", "/api/v1"}) {
    router.mount(prefix, service::health_route("Order Service", "getHealth"));
    router.mount(prefix, order_routes(routes));
  }
  router.mount("/api/v1", order_group_routes(routes));
  router.mount("/api/v1", cart_routes(carts));
  router.mount("/api/v1", fulfillment_routes(fulfillments));
  router.mount("/api/v1", inventory_routes(inventory));
  router.mount("/api/v1", order_list_routes(lists));
  return router;
}

/// None when nobody said where it is.
std::unique_ptr<Catalog> catalog_of(const Config& config, service::Process& process) {
  if (config.catalog_grpc.empty()) return nullptr;
  return std::make_unique<Catalog>(process.peer("catalog", config.catalog_grpc), config.price_question_deadline,
                                   process.metrics());
}

int serve(const Config& config) {
  auto offers = service::load_offers(config.offers);
  const auto demo_users = demo_users_of(offers);
  service::Process process(config);
  const http::DemoGuestAuthenticator demo_guests(process.tokens());

  OrderStore orders(process.database(), render_order, render_order_group);
  CartStore carts(process.database(), {render_cart, render_carts});
  FulfillmentStore fulfillments(process.database(), {render_fulfillment, render_order});
  BuyerStore buyers(process.database());
  OrderLists lists(process.database());
  InventoryStore inventory(process.database(), render_inventory);
  OfferReplica replica(process.database());
  const auto catalog = catalog_of(config, process);
  const auto prices = catalog ? std::optional(PriceQuestion{*catalog, replica, process.clock()}) : std::nullopt;
  const LiveOrders log;
  events::Live live(process.database(), log, process.clock());
  const OrderRoutes routes{
      orders, process.clock(), demo_users, process.erased(), config.time_to_pay(), prices ? &*prices : nullptr, live};
  const CartRoutes cart_routes{carts, process.clock(), process.tokens(), config.carts_per_buyer_max};
  const FulfillmentRoutes fulfillment_rows{fulfillments, process.clock()};
  const InventoryRoutes inventory_routes{inventory, process.clock()};
  const OrderListRoutes list_routes{lists, process.clock(), config.seller_contact_retention};
  const OrderRows rows{orders, buyers, process.clock(), config.payment_hold_min};
  EventHandler handler(process.clock(), process.erased());
  if (!process.start({public_router(routes, cart_routes, fulfillment_rows, inventory_routes, list_routes),
                      config.demo_guests ? demo_guests : process.tokens(), migrations(), handler, std::move(offers),
                      order_rows(rows)})) {
    return 0;
  }
  if (catalog) process.on_drain([&catalog] { catalog->stop(); });
  process.add_job("order.expiry", config.expiry_interval, expiry_job(orders, process.clock(), config));
  process.add_job("order.progress", config.progress_interval, progress_job(fulfillments, process.clock(), config));
  process.add_job("order.key_cleaning", config.cleaning_interval, key_cleaning_job(orders, process.clock(), config));
  process.add_job("order.cart_cleaning", config.cleaning_interval, cart_cleaning_job(carts, process.clock(), config));
  process.add_job("order.live", config.live_interval, live.job());
  return process.run();
}

}  // namespace
}  // namespace agora::order

int main(int argc, char** argv) {
  agora::order::Config config;
  if (const auto code = config.parse(argc, argv)) return *code;
  return agora::service::run_program(config, [&config] { return agora::order::serve(config); });
}
