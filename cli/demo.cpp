// agora demo: a marketplace of its own, in a folder of its own, and what happens in it.

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include <boost/asio/ip/tcp.hpp>

#include "cli/command.hpp"
#include "cli/demo_journey.hpp"
#include "cli/processes.hpp"
#include "cli/signing_keys.hpp"
#include "embedded/demo_offers.hpp"
#include "libs/config/parser.hpp"
#include "libs/http/probe.hpp"
#include "libs/jwt/token.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kReadyPatience{30'000};
constexpr std::chrono::milliseconds kStopPatience{10'000};
constexpr std::chrono::milliseconds kProbeEvery{10};
constexpr std::chrono::milliseconds kProbeDeadline{500};
constexpr const char* kAddress = "127.0.0.1";

constexpr const char* kDescription =
    "Plays what a marketplace does, step by step, and shows each request and answer: a cart of two sellers, checkout,\n"
    "payment, a parcel on its way, its delivery, a unit that is canceled, what everybody was told, and the audit of "
    "it\n"
    "all. It runs a marketplace of its own, in a new folder and on free ports; what runs already is not touched. "
    "There\n"
    "is no payment service yet: a stand-in tells that the money was captured.\n"
    "\n"
    "Examples:\n"
    "  agora demo\n"
    "  agora demo --keep                   leave its databases, mails and logs, and say where they are\n"
    "  agora demo --json                   each request and answer as a line of JSON\n"
    "\n"
    "Exit codes: 0 every step was right; 1 one was not; 2 it could not be played.\n";

struct Settings {
  bool keep = false;
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora demo", kDescription, "AGORA_DEMO_");
    parser.flag("keep", keep, "Keep the folder; a demo that went wrong always does");
    parser.flag("json", json, "Print JSON");
    return parser.parse(argc, argv);
  }
};

fs::path new_folder() {
  auto name = (fs::temp_directory_path() / "agora-demo-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "cannot make " + name);
  return name;
}

/// Ports that nobody has now; all held at once, so that no two are the same.
template <std::size_t count>
std::array<std::uint16_t, count> free_ports() {
  boost::asio::io_context io;
  std::vector<boost::asio::ip::tcp::acceptor> held;
  std::array<std::uint16_t, count> ports{};
  for (auto& port : ports) {
    held.emplace_back(io, boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address(kAddress), 0));
    port = held.back().local_endpoint().port();
  }
  return ports;
}

std::string at(std::uint16_t port) {
  return std::string(kAddress) + ":" + std::to_string(port);
}

/// `agora up` in a folder and on ports of its own, until destruction. What our environment says of a marketplace is of
/// another one: databases, a Kafka cluster, where mails go.
class Marketplace {
 public:
  explicit Marketplace(fs::path data) : data_(std::move(data)) {
    const auto offers = data_ / "offers.jsonl";
    std::ofstream(offers) << embedded::demo_offers;
    pid_ = start({.path = fs::read_symlink("/proc/self/exe"),
                  .arguments = {"up", "--data", data_.string(), "--offers", offers.string(), "--bind", kAddress,
                                "--order-port", std::to_string(order_), "--order-internal-port",
                                std::to_string(order_internal_), "--order-grpc-port", std::to_string(order_grpc_),
                                "--notification-port", std::to_string(notification_), "--notification-internal-port",
                                std::to_string(notification_internal_)},
                  .environment = {{"AGORA_ORDER_PAYMENT_FEED", "feed:http://" + at(payment_)}},
                  .without = "AGORA_",
                  .output = log()});
  }
  ~Marketplace() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGTERM);
    const auto until = std::chrono::steady_clock::now() + kStopPatience;
    bool killed = false;
    while (!reap()) {
      // A second Ctrl-C means: now.
      const bool told_again = is_stop(next_signal(kProbeEvery));
      if (killed || (!told_again && std::chrono::steady_clock::now() < until)) continue;
      ::kill(pid_, SIGKILL);
      killed = true;
    }
  }
  Marketplace(const Marketplace&) = delete;
  Marketplace& operator=(const Marketplace&) = delete;

  void wait_until_ready() {
    const auto until = std::chrono::steady_clock::now() + kReadyPatience;
    for (const auto port : {order_internal_, notification_internal_}) {
      while (!http::probe(kAddress, port, "/readyz", kProbeDeadline)) {
        if (reap()) {
          pid_ = 0;
          throw std::runtime_error("the marketplace did not start; " + log().string() + " says why");
        }
        if (std::chrono::steady_clock::now() >= until) throw std::runtime_error("the marketplace is not getting ready");
        if (is_stop(next_signal(kProbeEvery))) throw Interrupted("was stopped");
      }
    }
  }

  std::string order_url() const { return "http://" + at(order_); }
  std::string notification_url() const { return "http://" + at(notification_); }
  std::string order_grpc() const { return at(order_grpc_); }
  std::uint16_t payment_port() const { return payment_; }

 private:
  fs::path log() const { return data_ / "services.log"; }

  fs::path data_;
  std::array<std::uint16_t, 6> ports_ = free_ports<6>();
  std::uint16_t order_ = ports_[0];
  std::uint16_t order_internal_ = ports_[1];
  std::uint16_t order_grpc_ = ports_[2];
  std::uint16_t notification_ = ports_[3];
  std::uint16_t notification_internal_ = ports_[4];
  std::uint16_t payment_ = ports_[5];
  pid_t pid_ = 0;
};

Actor actor(const std::string& user_id, const fs::path& data) {
  const auto key = read_signing_key(demo_key_file(data));
  const jwt::TokenRequest request{.subject = user_id, .roles = {"user"}};
  return {user_id, Secret<std::string>(jwt::make_token(key, request, SystemClock().now()))};
}

/// The recount of all that the journey left.
void count_again(const Settings& settings, const fs::path& data) {
  const auto order = "sqlite:" + (data / "order.db").string();
  const auto notification = "sqlite:" + (data / "notification.db").string();
  const std::array<const char*, 6> arguments{
      "audit", "--order-db", order.c_str(), "--notification-db", notification.c_str(), "--json"};
  if (audit(settings.json ? 6 : 5, arguments.data()) != kDone) throw NotAsItMust("the audit is not clean");
}

int play(const Settings& settings, const fs::path& data) {
  Marketplace marketplace(data);
  marketplace.wait_until_ready();
  PaymentStandIn payment({data, marketplace.payment_port(), marketplace.order_grpc()});
  Stage stage(marketplace.order_url(), marketplace.notification_url(), settings.json);
  try {
    play_journey(stage, {actor("u1", data), actor("u42", data), actor("u7", data)}, payment);
    stage.chapter("All of it is counted again (agora audit)");
    count_again(settings, data);
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& mistake) {
    // Also an answer that never came: the marketplace was ready.
    say("demo: " + std::string(mistake.what()));
    return kBad;
  }
  if (!settings.json) std::cout << "\nEvery one of " << stage.requests() << " answers was right.\n" << std::flush;
  return kDone;
}

}  // namespace

int demo(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  take_signals();
  const auto data = new_folder();
  int code = kCannot;
  try {
    code = play(settings, data);
  } catch (const std::exception& error) {
    say("demo: " + std::string(error.what()));
  }
  if (code == kDone && !settings.keep) {
    fs::remove_all(data);
  } else {
    say("demo: databases, mails and services.log are in " + data.string());
  }
  return code;
}

}  // namespace agora::cli
