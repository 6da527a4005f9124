#include "libs/sql/postgresql/connection.hpp"

#include <array>
#include <charconv>
#include <deque>

namespace agora::sql::postgresql {
namespace {

constexpr int kTextFormat = 0;
constexpr int kBinaryFormat = 1;
constexpr const char* kConnectSeconds = "2";
// A replica that stops in mid-transaction must not hold its locks for long.
constexpr const char* kSettings =
    "SET default_transaction_isolation = 'read committed'; SET idle_in_transaction_session_timeout = '2s'; "
    "SET client_encoding = 'UTF8'; SET client_min_messages = 'warning'; SET application_name = 'agora'";

DatabaseError::Kind kind_of(std::string_view state) {
  if (state == "40001" || state == "40P01") return DatabaseError::Kind::serialization;
  // lock_not_available, query_canceled (statement_timeout)
  if (state == "55P03" || state == "57014") return DatabaseError::Kind::deadline;
  // Connection exceptions, insufficient resources, operator intervention, system errors;
  // idle_in_transaction_session_timeout.
  const auto family = state.substr(0, 2);
  if (state.empty() || family == "08" || family == "53" || family == "57" || family == "58" || state == "25P03") {
    return DatabaseError::Kind::unavailable;
  }
  return DatabaseError::Kind::failed;
}

std::int64_t parse_count(const char* text) {
  std::int64_t count = 0;
  const std::string_view digits(text);
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count;
}

/// A whole result, row by row.
class ResultCursor final : public Rows::Cursor {
 public:
  explicit ResultCursor(ResultPtr result) : result_(std::move(result)), rows_(PQntuples(result_.get())) {}

  bool next() override {
    decoded_.clear();
    return ++row_ < rows_;
  }
  bool is_null(int column) const override { return PQgetisnull(result_.get(), row_, column) != 0; }
  std::int64_t int64(int column) const override { return parse_count(PQgetvalue(result_.get(), row_, column)); }
  std::string_view text(int column) const override {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  Bytes bytes(int column) const override {
    // Text format writes bytea as \x and hex digits.
    const auto hex = text(column);
    auto& decoded = decoded_.emplace_back();
    decoded.reserve(hex.size() / 2);
    for (std::size_t i = 2; i + 1 < hex.size(); i += 2) {
      unsigned value = 0;
      std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
      decoded.push_back(static_cast<std::byte>(value));
    }
    return decoded;
  }

 private:
  ResultPtr result_;
  int row_ = -1;
  int rows_;
  /// Of the current row. A deque: what was handed out stays where it is.
  mutable std::deque<std::vector<std::byte>> decoded_;
};

}  // namespace

Connection::~Connection() {
  drop();
}

void Connection::drop() {
  if (db_ != nullptr) PQfinish(db_);
  db_ = nullptr;
  prepared_.clear();
}

void Connection::ensure() {
  if (db_ != nullptr && PQstatus(db_) == CONNECTION_OK) return;
  drop();
  // Later keywords win, so the URL may set another limit.
  const std::array<const char*, 3> keywords{"connect_timeout", "dbname", nullptr};
  const std::array<const char*, 3> values{kConnectSeconds, url_.c_str(), nullptr};
  db_ = PQconnectdbParams(keywords.data(), values.data(), 1);
  if (db_ == nullptr || PQstatus(db_) != CONNECTION_OK) {
    const std::string message = db_ == nullptr ? "out of memory" : PQerrorMessage(db_);
    drop();
    throw SqlError(DatabaseError::Kind::unavailable, "", "cannot connect: " + message);
  }
  try {
    exec(kSettings);
  } catch (const SqlError&) {
    // A connection without its settings is none.
    drop();
    throw;
  }
}

void Connection::begin(const std::string& text) {
  ensure();
  try {
    exec(text);
  } catch (const SqlError& error) {
    if (!error.connection_lost()) throw;
    drop();
    ensure();
    exec(text);
  }
}

ResultPtr Connection::checked(PGresult* raw, const char* what) {
  ResultPtr result(raw);
  const auto status = PQresultStatus(result.get());
  // Empty: a migration that is the other engine's alone.
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) return result;
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  const bool lost = PQstatus(db_) != CONNECTION_OK;
  const std::string code = state == nullptr || lost ? "" : state;
  throw SqlError(kind_of(code), code, std::string(PQerrorMessage(db_)) + what);
}

ResultPtr Connection::exec(const std::string& text) {
  return checked(PQexec(db_, text.c_str()), text.c_str());
}

ResultPtr Connection::run(const char* literal, std::span<const Value> parameters) {
  auto& name = prepared_[literal];
  if (name.empty()) {
    // Never a name of before, also when preparing failed: it may be taken.
    const auto fresh = "s" + std::to_string(++names_);
    checked(PQprepare(db_, fresh.c_str(), literal, 0, nullptr), literal);
    name = fresh;
  }

  std::vector<std::string> texts;
  texts.reserve(parameters.size());
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& parameter : parameters) {
    const auto& value = parameter.get();
    const auto add = [&](const char* data, std::size_t size, int format) {
      values.push_back(data);
      lengths.push_back(static_cast<int>(size));
      formats.push_back(format);
    };
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      const auto& text = texts.emplace_back(std::to_string(*number));
      add(text.c_str(), text.size(), kTextFormat);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      // Text format ends at a NUL, so the view is copied behind one.
      const auto& copy = texts.emplace_back(*text);
      add(copy.c_str(), copy.size(), kTextFormat);
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      // What is empty may have no address, which libpq would take for NULL.
      add(bytes->empty() ? "" : reinterpret_cast<const char*>(bytes->data()), bytes->size(), kBinaryFormat);
    } else {
      add(nullptr, 0, kTextFormat);
    }
  }
  return checked(PQexecPrepared(db_, name.c_str(), static_cast<int>(values.size()), values.data(), lengths.data(),
                                formats.data(), kTextFormat),
                 literal);
}

Rows PostgresqlTx::query(const Sql& sql, std::span<const Value> parameters) {
  return Rows(std::make_unique<ResultCursor>(connection_.run(sql.postgresql, parameters)));
}

std::int64_t PostgresqlTx::execute(const Sql& sql, std::span<const Value> parameters) {
  return parse_count(PQcmdTuples(connection_.run(sql.postgresql, parameters).get()));
}

std::vector<std::int64_t> PostgresqlTx::batch_counts(const Batch& batch) {
  std::vector<std::int64_t> counts;
  counts.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) counts.push_back(execute(batch.sql(), batch.row(i)));
  return counts;
}

void PostgresqlTx::run_script(const std::string& script) {
  connection_.exec(script);
}

}  // namespace agora::sql::postgresql
