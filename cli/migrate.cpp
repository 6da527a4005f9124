// agora migrate: a service's schema, brought up to date ahead of the service's own start, and its Kafka topics.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <span>

#include "cli/command.hpp"
#include "cli/services.hpp"
#include "libs/config/parser.hpp"
#include "libs/events/kafka/topics.hpp"
#include "libs/json/writer.hpp"
#include "libs/sql/database.hpp"
#include "libs/telemetry/metrics.hpp"
#include "services/notification/store/notification_store.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::cli {
namespace {

constexpr const char* kDescription =
    "Brings a service's database to the newest schema this program knows. Services do so themselves when they start;\n"
    "this is for doing it before, or with another user's rights. With --kafka it also makes the topics that the "
    "service\n"
    "publishes, which nobody else does. Repeating it changes nothing.\n"
    "\n"
    "A topic of facts gets more partitions by --grow, once its relay is stopped (stop the publishing service) and all\n"
    "that read it are at its end; a topic of states never does.\n"
    "\n"
    "Examples:\n"
    "  agora migrate --service order --database sqlite:./data/order.db\n"
    "  AGORA_MIGRATE_DATABASE_FILE=url.txt agora migrate --service order     the URL holds a password\n"
    "  agora migrate --service order --database postgresql:///agora_order --dry-run\n"
    "  agora migrate --service order --kafka kafka://broker:9092 --partitions 12\n"
    "  agora migrate --service order --kafka kafka://broker:9092 --grow agora.orders --partitions 24\n"
    "  agora migrate copy --service order --from ./data/order.db --to postgresql:///agora_order     from SQLite to it\n"
    "\n"
    "Exit codes: 0 it is up to date; 2 it could not be read or written, is in use, or is not what this program "
    "knows.\n";

constexpr sql::Sql kHasHistory{
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = "
    "'schema_migrations'"};
constexpr sql::Sql kHistory{"SELECT number FROM schema_migrations"};

struct Schema {
  std::string_view service;
  std::span<const sql::Migration> (*migrations)();
};

/// The services whose migrations are linked here.
constexpr Schema kSchemas[] = {{"order", order::migrations}, {"notification", notification::migrations}};

/// Null: none.
const Schema* schema_of(std::string_view service) {
  const auto* found = std::find_if(std::begin(kSchemas), std::end(kSchemas),
                                   [&](const auto& known) { return known.service == service; });
  return found == std::end(kSchemas) ? nullptr : found;
}

constexpr std::int64_t kDay = 24 * 60 * 60 * 1'000;

struct Settings {
  Secret<std::string> database{};
  Secret<std::string> kafka{};
  events::kafka::TopicSettings topics{};
  std::string grow;
  std::string service;
  bool json = false;
  bool dry_run = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora migrate", kDescription, "AGORA_MIGRATE_");
    parser.option("database", database, "Database URL: sqlite:DIR/order.db or postgresql://...");
    parser.option("kafka", kafka, "Kafka cluster: kafka://HOST:PORT[,HOST:PORT...][/PREFIX]",
                  {.env = "AGORA_KAFKA_URL"});
    parser.option("service", service, "Whose they are: order");
    parser.option("partitions", topics.partitions,
                  "Of new topics; of states they never change. With --grow: from now on", {.min = 1, .max = 1'000});
    parser.option("replication", topics.replication, "Of new topics; 0: as many as there are brokers, at most 3",
                  {.min = 0, .max = 9});
    parser.option("min-insync-replicas", topics.min_insync_replicas,
                  "Copies that an event has before it counts as published, where the replication is 2 or more",
                  {.min = 1, .max = 9});
    parser.option("keep-max", topics.keep_max, "How long facts are kept: the services' events.keep-max",
                  {.min = 0, .max = 3'650 * kDay});
    parser.option("grow", grow, "Topic of facts that gets more partitions");
    parser.flag("json", json, "Print JSON");
    parser.flag("dry-run", dry_run, "Print which steps are missing, change nothing");
    parser.rule([this]() -> std::optional<std::string> {
      if (!database.reveal().empty() || !kafka.reveal().empty()) return std::nullopt;
      return "--database is the URL of the database, --kafka that of the cluster; one of them is needed";
    });
    parser.rule([this]() { return events::kafka::complaint_about(topics); });
    parser.rule([this]() -> std::optional<std::string> {
      const auto* topic = events::find_topic(grow);
      if (grow.empty() || (!kafka.reveal().empty() && topic != nullptr && topic->publisher == service)) {
        return std::nullopt;
      }
      return "--grow names a topic of the service, in the cluster of --kafka";
    });
    parser.rule([this]() -> std::optional<std::string> {
      if (schema_of(service) != nullptr) return std::nullopt;
      // Its topics are declared, and may be read, before it is there itself.
      if (database.reveal().empty() && events::publishes(service)) return std::nullopt;
      return "--service must be one of: " + service_names();
    });
    return parser.parse(argc, argv);
  }
};

std::set<std::int64_t> applied(sql::Database& database) {
  const auto has_history = database.read_blocking({}, [](sql::Tx& tx) {
    auto rows = tx.query(kHasHistory);
    return rows.next() && rows.int64(0) > 0;
  });
  if (!has_history) return {};
  return database.read_blocking({}, [](sql::Tx& tx) {
    std::set<std::int64_t> numbers;
    auto rows = tx.query(kHistory);
    while (rows.next()) numbers.insert(rows.int64(0));
    return numbers;
  });
}

/// What was done, or is to be done, of one kind.
struct Done {
  std::string name;  ///< `applied`, `missing`, `topics_made`…
  std::vector<std::string> what;
};

void print(const std::vector<Done>& all, bool as_json) {
  std::string out;
  json::Writer json(out);
  json.begin_object();
  bool nothing = true;
  for (const auto& done : all) {
    json.key(done.name).begin_array();
    for (const auto& one : done.what) {
      json.value(one);
      if (!as_json) std::cout << done.name << ' ' << one << '\n';
    }
    json.end_array();
    nothing = nothing && done.what.empty();
  }
  json.end_object();
  if (as_json) return print_json(out);
  if (nothing) std::cout << "nothing to do: all is up to date\n";
  std::cout.flush();
}

bool is_absent_file(const std::string& url) {
  static constexpr std::string_view kSqlite = "sqlite:";
  return url.starts_with(kSqlite) && !std::filesystem::exists(url.substr(kSqlite.size()));
}

Done migrate_schema(const Settings& settings) {
  const auto& url = settings.database.reveal();
  const auto steps = schema_of(settings.service)->migrations();
  telemetry::Registry metrics;
  std::set<std::int64_t> before;
  // Looking must not make the file.
  const bool only_look_at_nothing = settings.dry_run && is_absent_file(url);
  if (!only_look_at_nothing) {
    const auto database = sql::Database::open(url, {}, metrics);
    before = applied(*database);
    if (!settings.dry_run) database->migrate(steps);
    database->close();
  }
  Done done{settings.dry_run ? "missing" : "applied", {}};
  for (const auto& step : steps) {
    if (!before.contains(step.number)) done.what.emplace_back(step.name);
  }
  return done;
}

Done migrate_topics(const Settings& settings) {
  events::kafka::TopicAdmin admin(events::kafka::Address::parse(settings.kafka.reveal()));
  if (settings.grow.empty()) {
    if (settings.dry_run) return {"topics_missing", admin.missing(settings.service, settings.topics)};
    return {"topics_made", admin.make(settings.service, settings.topics)};
  }
  if (settings.dry_run) return {"topics_to_grow", {settings.grow}};
  admin.grow(settings.grow, settings.topics.partitions);
  return {"topics_grown", {settings.grow}};
}

}  // namespace

int migrate(int argc, const char* const* argv) {
  if (argc > 1 && std::string_view(argv[1]) == "copy") return migrate_copy(argc - 1, argv + 1);
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  std::vector<Done> done;
  if (!settings.database.reveal().empty()) done.push_back(migrate_schema(settings));
  if (!settings.kafka.reveal().empty()) done.push_back(migrate_topics(settings));
  print(done, settings.json);
  return kDone;
}

}  // namespace agora::cli
