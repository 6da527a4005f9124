#include "cli/demo_payment.hpp"

#include <array>
#include <stdexcept>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "contracts/grpc/order.pb.h"
#include "libs/base/clock.hpp"
#include "libs/base/id.hpp"
#include "libs/events/event_log.hpp"
#include "libs/events/feed_server.hpp"
#include "libs/events/numbering.hpp"
#include "libs/events/outbox.hpp"
#include "libs/events/schema.hpp"
#include "libs/grpc/client.hpp"
#include "libs/http/authenticators.hpp"
#include "libs/http/server.hpp"
#include "libs/json/writer.hpp"
#include "libs/sql/database.hpp"
#include "libs/sql/lease.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::cli {
namespace {

namespace messages = order::v1;

constexpr rpc::Method<messages::BeginPaymentRequest, messages::BeginPaymentResponse> kBeginPayment{
    "agora.order.v1.OrderService/BeginPayment", rpc::Retry::safe};

constexpr std::chrono::seconds kDeadline{10};

const std::array<sql::Migration, 4> kMigrations{{{1, "0001_outbox", events::kOutboxSchema},
                                                 {2, "0002_log", events::kLogSchema},
                                                 {3, "0003_numbering", events::kNumberingSchema},
                                                 {4, "0004_leases", sql::kLeasesSchema}}};

http::Router routes_of(events::FeedServer& feed) {
  http::Router router;
  router.mount("", feed.routes());
  return router;
}

}  // namespace

struct PaymentStandIn::Running {
  explicit Running(const Settings& settings)
      : tokens(http::ServiceTokens::from_file((settings.data / "service-token").string())),
        database(sql::Database::open("sqlite:" + (settings.data / "demo-payment.db").string(), {}, metrics)),
        order({.peer = "order", .address = settings.order_grpc, .token = tokens.own()}, metrics) {
    database->migrate(kMigrations);
    feed.emplace(io, *database, log, clock, metrics);
    numbering.emplace(io, *database, events::NumberingLimits{}, [this] { feed->log_grew(); }, metrics);
    server.emplace(io, http::ServerOptions{.name = "internal", .addresses = {"127.0.0.1"}, .port = settings.port},
                   routes_of(*feed), tokens, metrics);
    server->listen();
    thread = std::thread([this] { io.run(); });
  }
  ~Running() {
    asio::post(io, [this] {
      order.stop();
      feed->drain();
      io.stop();
    });
    thread.join();
    database->close();
  }

  Task<Payment> capture(std::string order_group_id, std::string user_id) {
    const Ctx ctx{.deadline = std::chrono::steady_clock::now() + kDeadline};
    messages::BeginPaymentRequest request;
    request.set_order_group_id(order_group_id);
    request.set_user_id(std::move(user_id));
    request.set_payment_id(new_uuid_v7(clock.now()));
    Payment payment{.payment_id = request.payment_id(), .order_group_id = std::move(order_group_id)};
    const auto due = co_await order.call(ctx, kBeginPayment, std::move(request));
    if (!due) throw std::runtime_error("the group cannot be paid: " + due.error().message);
    payment.amount = due->amount();
    payment.currency = due->currency();
    events::Outbox outbox(clock.now());
    json::Writer(outbox.add("agora.payments", "payment.captured", payment.payment_id, 1, {}))
        .begin_object()
        .member("payment_id", payment.payment_id)
        .member("order_group_id", payment.order_group_id)
        .member("amount", payment.amount)
        .member("currency", payment.currency)
        .end_object();
    auto work = [&outbox](sql::Tx& tx) { outbox.write(tx); };
    co_await database->write(ctx, work);
    co_return payment;
  }

  const SystemClock clock{};
  telemetry::Registry metrics{};
  asio::io_context io{1};
  http::ServiceTokens tokens;
  std::unique_ptr<sql::Database> database;
  rpc::Client order;
  const events::EventLog log{"payment", {}};
  std::optional<events::FeedServer> feed{};
  std::optional<events::Numbering> numbering{};
  std::optional<http::Server> server{};
  std::thread thread{};
};

PaymentStandIn::PaymentStandIn(Settings settings) : running_(std::make_unique<Running>(settings)) {}
PaymentStandIn::~PaymentStandIn() = default;

PaymentStandIn::Payment PaymentStandIn::capture(const std::string& order_group_id, const std::string& user_id) {
  return asio::co_spawn(running_->io, running_->capture(order_group_id, user_id), asio::use_future).get();
}

}  // namespace agora::cli
