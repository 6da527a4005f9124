// The tables are found in the catalogue, so one that a migration adds is copied too. Logs differ between the engines:
// an event's number is the outbox's key on SQLite, and stands beside it on PostgreSQL; what waits for a number is
// nothing; and the last number given is kept by SQLite itself.

#include "cli/database_copy.hpp"

#include <set>
#include <stdexcept>

namespace agora::cli {
namespace {

const std::string kOutbox = "outbox";
const std::string kNotificationNumbers = "notification_numbers";
/// One row each, which is there before.
const std::set<std::string, std::less<>> kLogs{"event_log", "notification_log"};
constexpr std::string_view kHistory = "schema_migrations";
const std::set<std::string, std::less<>> kOfPostgresql{"outbox_new", "outbox_numbers", "notification_new"};

constexpr sql::Sql kColumns{
    "",
    "SELECT c.table_name, c.column_name, c.data_type, c.is_identity FROM information_schema.columns c "
    "JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
    "WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, "
    "c.ordinal_position"};
constexpr sql::Sql kSourceColumns{
    "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' "
    "AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"};
constexpr sql::Sql kSteps{"SELECT number, checksum FROM schema_migrations ORDER BY number"};
constexpr sql::Sql kHead{"SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = $1), 0)"};
constexpr sql::Sql kSetHead{"UPDATE event_log SET head = $1"};
constexpr sql::Sql kSetNotificationHead{"UPDATE notification_log SET head = $1"};
constexpr sql::Sql kNumberAll{"INSERT INTO outbox_numbers (sequence, id) SELECT id, id FROM outbox"};
constexpr sql::Sql kAnalyze{"ANALYZE"};

std::vector<std::pair<std::int64_t, std::string>> steps_of(sql::Tx& tx) {
  std::vector<std::pair<std::int64_t, std::string>> steps;
  auto rows = tx.query(kSteps);
  while (rows.next()) steps.emplace_back(rows.int64(0), rows.text(1));
  return steps;
}

/// The last number that SQLite gave in a table.
std::int64_t head_of(sql::Tx& from, const std::string& table) {
  auto rows = from.query(kHead, {table});
  rows.next();
  return rows.int64(0);
}

}  // namespace

sql::Sql DatabaseCopy::statement(std::string text) {
  const auto& kept = texts_.emplace_back(std::move(text));
  return {kept.c_str(), kept.c_str()};
}

void DatabaseCopy::run(sql::Tx& from, sql::Tx& to) {
  const auto tables = tables_of(to);
  expect_same_schema(from, to, tables);
  expect_empty(to, tables);
  for (const auto& [table, columns] : tables) {
    if (table == kHistory || kOfPostgresql.contains(table)) continue;
    if (kLogs.contains(table)) to.execute(statement("DELETE FROM " + table));
    expect_types(from, table, columns);
    rows_[table] = copy_table(from, table, columns);
  }
  if (tables.contains(kOutbox)) number_log(from, to);
  if (tables.contains(kNotificationNumbers)) {
    to.execute_one(kSetNotificationHead, {head_of(from, kNotificationNumbers)});
  }
  go_on_counting(to, tables);
  // Without statistics the first queries would be planned for empty tables.
  to.execute(kAnalyze);
}

DatabaseCopy::Tables DatabaseCopy::tables_of(sql::Tx& to) {
  Tables tables;
  auto rows = to.query(kColumns);
  while (rows.next()) {
    const std::string table(rows.text(0));
    const std::string name(rows.text(1));
    const auto type = rows.text(2);
    auto& columns = tables[table];
    // Given by numbering, from the sequence that the outbox has on SQLite.
    if (kLogs.contains(table) && name == "head") continue;
    Column column{.from = table == kOutbox && name == "id" ? "sequence" : name, .to = name};
    column.kind = type == "bigint" ? Kind::integer : type == "bytea" ? Kind::bytes : Kind::text;
    column.is_identity = rows.text(3) == "YES";
    columns.push_back(std::move(column));
  }
  return tables;
}

void DatabaseCopy::expect_same_schema(sql::Tx& from, sql::Tx& to, const Tables& tables) {
  const std::string advice = "; agora migrate brings each to the newest schema";
  if (steps_of(from) != steps_of(to)) throw std::runtime_error("the two have not the same migrations" + advice);
  std::set<std::pair<std::string, std::string>> there;
  auto rows = from.query(kSourceColumns);
  while (rows.next()) there.emplace(rows.text(0), rows.text(1));
  std::set<std::pair<std::string, std::string>> here;
  for (const auto& [table, columns] : tables) {
    if (kOfPostgresql.contains(table)) continue;
    for (const auto& column : columns) here.emplace(table, column.from);
  }
  if (there != here) throw std::runtime_error("the two have not the same tables and columns" + advice);
}

void DatabaseCopy::expect_empty(sql::Tx& to, const Tables& tables) {
  std::string all;
  for (const auto& [table, columns] : tables) all += (all.empty() ? "" : ", ") + table;
  // Nobody may begin to use it meanwhile; whoever does already is told at once.
  to.execute(statement("LOCK TABLE " + all + " IN ACCESS EXCLUSIVE MODE NOWAIT"));
  for (const auto& [table, columns] : tables) {
    if (table == kHistory || kLogs.contains(table)) continue;
    auto rows = to.query(statement("SELECT 1 FROM " + table + " LIMIT 1"));
    if (rows.next()) throw std::runtime_error("the target is not empty: " + table + " has rows; nothing was changed");
  }
}

void DatabaseCopy::expect_types(sql::Tx& from, const std::string& table, const std::vector<Column>& columns) {
  for (const auto& column : columns) {
    const std::string type = column.kind == Kind::integer ? "integer" : column.kind == Kind::bytes ? "blob" : "text";
    auto wrong = "typeof(" + column.from + ") NOT IN ('" + type + "', 'null')";
    // libpq would cut it off there without a word.
    if (column.kind == Kind::text) wrong += " OR instr(CAST(" + column.from + " AS BLOB), x'00') > 0";
    auto rows = from.query(statement("SELECT 1 FROM " + table + " WHERE " + wrong + " LIMIT 1"));
    if (rows.next())
      throw std::runtime_error(table + '.' + column.from + " holds what is no " + type + " to PostgreSQL");
  }
}

std::int64_t DatabaseCopy::copy_table(sql::Tx& from, const std::string& table, const std::vector<Column>& columns) {
  std::string there;
  std::string here;
  std::string values;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string comma = i == 0 ? "" : ", ";
    there += comma + columns[i].from;
    here += comma + columns[i].to;
    values += comma + "$" + std::to_string(i + 1);
  }
  const auto insert =
      statement("INSERT INTO " + table + " (" + here + ") OVERRIDING SYSTEM VALUE VALUES (" + values + ")");
  std::int64_t count = 0;
  std::vector<sql::Value> row;
  auto rows = from.query(statement("SELECT " + there + " FROM " + table));
  for (; rows.next(); ++count) {
    row.clear();
    for (std::size_t i = 0; i < columns.size(); ++i)
      row.push_back(value_of(rows, static_cast<int>(i), columns[i].kind));
    insert_(insert, row);
  }
  return count;
}

sql::Value DatabaseCopy::value_of(const sql::Rows& rows, int column, Kind kind) {
  if (rows.is_null(column)) return nullptr;
  if (kind == Kind::integer) return rows.int64(column);
  if (kind == Kind::bytes) return rows.bytes(column);
  return rows.text(column);
}

void DatabaseCopy::number_log(sql::Tx& from, sql::Tx& to) {
  to.execute_one(kSetHead, {head_of(from, kOutbox)});
  to.execute(kNumberAll);
}

void DatabaseCopy::go_on_counting(sql::Tx& to, const Tables& tables) {
  for (const auto& [table, columns] : tables) {
    for (const auto& column : columns) {
      if (!column.is_identity) continue;
      std::int64_t next = 0;
      {
        auto rows = to.query(statement("SELECT coalesce(max(" + column.to + "), 0) + 1 FROM " + table));
        rows.next();
        next = rows.int64(0);
      }
      to.execute(
          statement("ALTER TABLE " + table + " ALTER COLUMN " + column.to + " RESTART WITH " + std::to_string(next)));
    }
  }
}

}  // namespace agora::cli
