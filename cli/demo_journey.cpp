#include "cli/demo_journey.hpp"

#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

constexpr const char* kCart =
    R"({"shipping_address":{"name":"Arthur Dent","line1":"155 Country Lane","city":"Cottington","postal_code":"CT1","country":"GB"}})";
constexpr const char* kShipped =
    R"({"status":"shipped","tracking":{"carrier":"Vogon Post","number":"VP-42","url":"https://vogon.example/VP-42"}})";

void must(bool holds, const std::string& what) {
  if (!holds) throw NotAsItMust(what);
}

void must_be(const json::Node& node, std::string_view name, std::string_view expected) {
  const auto found = text_member(node, name);
  must(found == expected, std::string(name) + " is " + found + " and must be " + std::string(expected));
}

/// The first of the node's `list` whose member is this.
json::Node one_of(const json::Node& node, std::string_view list, std::string_view name, std::string_view value) {
  const auto all = node.member(list);
  for (auto one = all ? all->first() : std::nullopt; one; one = one->next()) {
    if (text_member(*one, name) == value) return *one;
  }
  throw NotAsItMust("there is no " + std::string(name) + " " + std::string(value) + " among the " + std::string(list));
}

std::string line_body(std::string_view offer_id, int quantity) {
  std::string body;
  json::Writer(body).begin_object().member("offer_id", offer_id).member("quantity", quantity).end_object();
  return body;
}

/// `{"items":[{"line_id":…,"quantity":…}]}`, and what else stands in the body.
std::string items_body(const std::string& line_id, int quantity, std::string_view more = {}) {
  std::string body;
  json::Writer(body)
      .begin_object()
      .key("items")
      .begin_array()
      .begin_object()
      .member("line_id", line_id)
      .member("quantity", quantity)
      .end_object()
      .end_array()
      .end_object();
  if (!more.empty()) body.insert(body.size() - 1, "," + std::string(more));
  return body;
}

class Journey {
 public:
  Journey(Stage& stage, const Cast& cast, PaymentStandIn& payment) : stage_(stage), cast_(cast), payment_(payment) {}

  void play() {
    fill_a_cart();
    check_out();
    pay();
    send_and_receive();
    cancel_a_unit();
    read_what_was_told();
  }

 private:
  void fill_a_cart() {
    stage_.chapter("The buyer fills a cart with what two sellers offer");
    const auto made = stage_.ask(cast_.buyer, {"POST", "/api/v1/carts", kCart}, 201);
    cart_ = "/api/v1/carts/" + text_member(made.document().root(), "cart_id");
    stage_.ask(cast_.buyer, {"POST", cart_ + "/items", line_body("o42", 1)}, 201);
    stage_.ask(cast_.buyer, {"POST", cart_ + "/items", line_body("o43", 2)}, 201);
    stage_.ask(cast_.buyer, {"POST", cart_ + "/items", line_body("o7", 3)}, 201);
  }

  void check_out() {
    stage_.chapter("They check out: one order per seller, stock reserved, prices frozen");
    const auto cart = stage_.ask(cast_.buyer, {"GET", cart_}, 200).document();
    must_be(cart.root(), "total", "1289.79");
    std::string body;
    json::Writer(body)
        .begin_object()
        .member("cart_id", text_member(cart.root(), "cart_id"))
        .key("cart_version")
        .raw(text_member(cart.root(), "version"))
        .key("total")
        .raw(text_member(cart.root(), "total"))
        .end_object();
    const Stage::Request checkout{"POST", "/api/v1/order-groups", body, "demo-checkout"};
    const auto answer = stage_.ask(cast_.buyer, checkout, 201);
    const auto group = answer.document();
    must_be(group.root(), "status", "pending");
    must_be(group.root(), "amount_due", "1289.79");
    group_ = text_member(group.root(), "order_group_id");
    supplier_order_ = text_member(one_of(group.root(), "orders", "seller_id", "s42"), "order_id");
    coast_order_ = text_member(one_of(group.root(), "orders", "seller_id", "s7"), "order_id");

    stage_.remark(
        "The same request again, as after a lost answer: it is answered as before, and nothing is bought twice.");
    const auto again = stage_.ask(cast_.buyer, checkout, 201);
    must(again.is_replay && again.body == answer.body, "the second answer is not the first one");
  }

  void pay() {
    stage_.chapter("Payment asks order what is due (gRPC) and tells that it was captured (an event)");
    const auto paid = payment_.capture(group_, cast_.buyer.user_id);
    stage_.remark("BeginPayment and payment.captured: " + std::to_string(paid.amount) + " " + paid.currency +
                  " (minor units) by payment " + paid.payment_id);
    must(paid.amount == 128'979 && paid.currency == "USD", "another amount is due");
    const auto group = stage_.await(cast_.buyer, "/api/v1/order-groups/" + group_,
                                    [](const json::Node& node) { return text_member(node, "status") == "confirmed"; });
    must_be(group.document().root(), "payment_status", "captured");
  }

  void send_and_receive() {
    stage_.chapter("A seller sees their order, packs and sends it; the buyer receives it");
    const auto page =
        stage_.ask(cast_.supplier, {"GET", "/api/v1/sellers/s42/orders?status=confirmed"}, 200).document();
    const auto order = one_of(page.root(), "items", "order_id", supplier_order_);
    const auto path = "/api/v1/orders/" + supplier_order_;
    const auto thumb = text_member(one_of(order, "items", "offer_id", "o42"), "line_id");
    const auto towels = text_member(one_of(order, "items", "offer_id", "o43"), "line_id");
    std::string body;
    json::Writer(body)
        .begin_object()
        .key("items")
        .begin_array()
        .begin_object()
        .member("line_id", thumb)
        .member("quantity", 1)
        .end_object()
        .begin_object()
        .member("line_id", towels)
        .member("quantity", 2)
        .end_object()
        .end_array()
        .end_object();
    const auto packed =
        stage_.ask(cast_.supplier, {"POST", path + "/fulfillments", body, "demo-parcel"}, 201).document();
    const auto parcel = "/api/v1/fulfillments/" + text_member(packed.root(), "fulfillment_id");
    stage_.ask(cast_.supplier, {"PATCH", parcel, kShipped}, 200);
    const auto stock = stage_.ask(cast_.supplier, {"GET", "/api/v1/offers/o43/inventory"}, 200).document();
    must_be(stock.root(), "on_hand", "48");
    must_be(stock.root(), "reserved", "0");
    stage_.ask(cast_.supplier, {"PATCH", parcel, R"({"status":"delivered"})"}, 200);
    const auto confirmed = stage_.ask(cast_.buyer, {"POST", path + "/delivery-confirmation"}, 200).document();
    must_be(confirmed.root(), "status", "completed");
    must_be(confirmed.root(), "fulfillment_status", "delivered");
  }

  void cancel_a_unit() {
    stage_.chapter(
        "Of the other order the buyer cancels one of three; its stock is free again, its price is to be given back");
    const auto path = "/api/v1/orders/" + coast_order_;
    const auto order = stage_.ask(cast_.buyer, {"GET", path}, 200).document();
    const auto fjords = text_member(one_of(order.root(), "items", "offer_id", "o7"), "line_id");
    const auto left = stage_.ask(cast_.buyer, {"POST", path + "/cancellation", items_body(fjords, 1)}, 200).document();
    must_be(left.root(), "status", "confirmed");
    must_be(one_of(left.root(), "items", "offer_id", "o7"), "canceled_quantity", "1");
    const auto stock = stage_.ask(cast_.coast_builder, {"GET", "/api/v1/offers/o7/inventory"}, 200).document();
    must_be(stock.root(), "reserved", "2");

    stage_.remark("Of what was sent nothing can be canceled any more.");
    stage_.ask(cast_.buyer, {"POST", "/api/v1/orders/" + supplier_order_ + "/cancellation"}, 409);
  }

  void read_what_was_told() {
    stage_.chapter("Everyone was told");
    const auto has = [](const json::Node& node, std::string_view kind) {
      const auto items = node.member("items");
      for (auto item = items ? items->first() : std::nullopt; item; item = item->next()) {
        if (text_member(*item, "kind") == kind) return true;
      }
      return false;
    };
    stage_.await(cast_.buyer, "/api/v1/notifications?limit=5",
                 [&](const json::Node& node) { return has(node, "order_shipped") || has(node, "order_delivered"); });
    stage_.await(cast_.coast_builder, "/api/v1/notifications?limit=5",
                 [&](const json::Node& node) { return has(node, "sale_paid"); });
  }

  Stage& stage_;
  const Cast& cast_;
  PaymentStandIn& payment_;
  std::string cart_{};
  std::string group_{};
  std::string supplier_order_{};
  std::string coast_order_{};
};

}  // namespace

void play_journey(Stage& stage, const Cast& cast, PaymentStandIn& payment) {
  Journey(stage, cast, payment).play();
}

}  // namespace agora::cli
