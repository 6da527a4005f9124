#include "libs/sql/postgresql/connection.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>

namespace agora::sql::postgresql {
namespace {

constexpr int kTextFormat = 0;
/// The server's own timeouts answer first, if it lives.
constexpr std::chrono::milliseconds kGrace{2'000};
constexpr std::chrono::milliseconds kForever = std::chrono::hours{24};

constexpr const char* kTimeouts =
    "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $1, true)";
constexpr const char* kCommit = "COMMIT";
constexpr const char* kRollBack = "ROLLBACK";

struct Keyword {
  const char* name;
  const char* value;
};
/// The URL stands behind these and wins: a host that vanished is noticed within seconds, by which it was asked too.
constexpr std::array kKeywords{
    Keyword{"connect_timeout", "2"},  Keyword{"keepalives_idle", "5"},     Keyword{"keepalives_interval", "2"},
    Keyword{"keepalives_count", "3"}, Keyword{"tcp_user_timeout", "8000"}, Keyword{"client_encoding", "UTF8"},
};

std::int64_t count_of(PGresult* result) {
  const std::string_view digits(PQcmdTuples(result));
  std::int64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count;
}

/// Host and process, in what may stand between quotes.
const std::string& process_name() {
  static const std::string name = [] {
    std::array<char, 64> host{};
    ::gethostname(host.data(), host.size() - 1);
    // The server cuts names off at 63 bytes; the end is what tells processes apart.
    std::string text = std::string(host.data()).substr(0, 24) + ":" + std::to_string(::getpid());
    std::erase_if(text, [](char c) { return c == '\'' || c == '\\' || c == '/'; });
    return text;
  }();
  return name;
}

bool is_error(const PGresult* result) {
  const auto status = PQresultStatus(result);
  // Empty: a migration that is the other engine's alone.
  return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

}  // namespace

void check_url(const std::string& url) {
  char* message = nullptr;
  auto* options = PQconninfoParse(url.c_str(), &message);
  PQfreemem(message);
  if (options == nullptr) {
    throw std::invalid_argument("the database URL cannot be read; percent-encode what is special in its parts");
  }
  PQconninfoFree(options);
}

std::string name_of(const std::string& url) {
  check_url(url);
  std::string host;
  std::string port;
  std::string database;
  auto* options = PQconninfoParse(url.c_str(), nullptr);
  for (auto* option = options; option != nullptr && option->keyword != nullptr; ++option) {
    const std::string_view keyword(option->keyword);
    if (option->val == nullptr) continue;
    if (keyword == "host") host = option->val;
    if (keyword == "port") port = ":" + std::string(option->val);
    if (keyword == "dbname") database = option->val;
  }
  PQconninfoFree(options);
  return "postgresql://" + host + port + "/" + database;
}

Connection::~Connection() {
  drop();
}

void Connection::drop() {
  if (db_ != nullptr) PQfinish(db_);
  db_ = nullptr;
  sent_.clear();
  prepared_.clear();
}

void Connection::connect() {
  if (alive()) return;
  drop();
  std::vector<const char*> names;
  std::vector<const char*> values;
  const auto add = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  add("fallback_application_name", program_invocation_short_name);
  for (const auto& [name, value] : kKeywords) add(name, value);
  add("dbname", url_.c_str());
  add(nullptr, nullptr);
  db_ = PQconnectdbParams(names.data(), values.data(), 1);
  if (!alive()) {
    const std::string message = db_ == nullptr ? "out of memory" : PQerrorMessage(db_);
    drop();
    throw DatabaseError(DatabaseError::Kind::unavailable, "cannot connect: " + message);
  }
  // In statements, not in `options`: a pooler between takes those alone. The name tells one process's sessions from
  // another's.
  const auto settings =
      "SET default_transaction_isolation = 'read committed'; SET client_min_messages = 'warning'; "
      "SET idle_in_transaction_session_timeout = " +
      std::to_string(idle_in_transaction_max_.count()) +
      "; SELECT set_config('application_name', split_part(current_setting('application_name'), '/', 1) || '/" +
      process_name() + "', false)";
  // What the server notes is for its own log.
  PQsetNoticeReceiver(db_, [](void*, const PGresult*) {}, nullptr);
  const ResultPtr set(PQexec(db_, settings.c_str()));
  const bool ready = !is_error(set.get()) && PQsetnonblocking(db_, 1) == 0 && PQenterPipelineMode(db_) == 1;
  if (!ready) {
    const std::string message = PQerrorMessage(db_);
    drop();
    throw DatabaseError(DatabaseError::Kind::unavailable, "cannot set a connection up: " + message);
  }
}

void Connection::lose(const std::string& what) {
  const std::string said = db_ == nullptr ? "" : PQerrorMessage(db_);
  drop();
  throw SqlError(DatabaseError::Kind::unavailable, "", true, said.empty() ? what : said);
}

void Connection::begin(const char* literal, std::chrono::milliseconds time_max) {
  patience_ = time_max.count() == 0 ? kForever : time_max + kGrace;
  send(literal, {});
  const Value ms(std::int64_t{time_max.count()});
  send(kTimeouts, {&ms, 1});
}

const std::string& Connection::prepared(const char* literal) {
  auto& name = prepared_[literal];
  if (name.empty()) {
    // Never a name of before, also when preparing failed: it may be taken.
    name = "s" + std::to_string(++names_);
    if (PQsendPrepare(db_, name.c_str(), literal, 0, nullptr) == 0) lose("cannot send");
    sent_.push_back({Step::Kind::prepare, literal, Touches::any});
  }
  return name;
}

void Connection::send(const char* literal, std::span<const Value> parameters, Touches touches) {
  // Gone: settle() said so before, and somebody went on all the same.
  if (db_ == nullptr) lose("the connection was lost");
  const auto& name = prepared(literal);
  parameters_.bind(parameters);
  if (PQsendQueryPrepared(db_, name.c_str(), parameters_.count(), parameters_.values(), parameters_.lengths(),
                          parameters_.formats(), kTextFormat) == 0) {
    lose("cannot send");
  }
  sent_.push_back({Step::Kind::execute, literal, touches});
}

void Connection::sync() {
  if (sent_.empty() || sent_.back().kind == Step::Kind::sync) return;
  if (PQpipelineSync(db_) == 0) lose("cannot send");
  sent_.push_back({Step::Kind::sync, "", Touches::any});
}

Connection::Settled Connection::settle() {
  sync();
  Settled settled;
  std::optional<SqlError> failure;
  const char* miscounted = nullptr;
  while (!sent_.empty()) {
    const auto step = sent_.front();
    sent_.pop_front();
    auto error = finish(step, settled);
    if (error && error->connection_lost()) {
      drop();
      throw *std::move(error);
    }
    if (error && !failure) failure = std::move(error);
    if (!failure && miscounted == nullptr && step.touches == Touches::one && settled.counts.back() != 1) {
      miscounted = step.literal;
    }
  }
  if (failure) throw *std::move(failure);
  if (miscounted != nullptr) {
    throw DatabaseError(DatabaseError::Kind::row_count, std::string("expected one row: ") + miscounted);
  }
  return settled;
}

std::optional<SqlError> Connection::finish(const Step& step, Settled& settled) {
  std::optional<SqlError> error;
  auto result = next_result();
  if (step.kind == Step::Kind::sync) {
    if (PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) lose("the server lost its place");
    return error;
  }
  if (result == nullptr) lose("the server lost its place");
  // What came behind an error up to the sync was not run, and not prepared.
  const bool skipped = PQresultStatus(result.get()) == PGRES_PIPELINE_ABORTED;
  const bool failed = !skipped && is_error(result.get());
  if (failed) error = error_of(result.get(), step.literal);
  if ((skipped || failed) && step.kind == Step::Kind::prepare) prepared_.erase(step.literal);
  if (error && error->connection_lost()) return error;
  // A NULL ends the results of each statement.
  if (next_result() != nullptr) lose("the server lost its place");
  if (step.kind == Step::Kind::execute) {
    settled.counts.push_back(count_of(result.get()));
    settled.last = std::move(result);
  }
  return error;
}

ResultPtr Connection::next_result() {
  const auto give_up_at = std::chrono::steady_clock::now() + patience_;
  while (true) {
    const int unsent = PQflush(db_);
    if (PQisBusy(db_) == 0) return ResultPtr(PQgetResult(db_));
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up_at - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      drop();
      lose("the server does not answer");
    }
    pollfd socket{PQsocket(db_), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), 0};
    if (::poll(&socket, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) lose("cannot wait");
    // What came before the end of the connection is still to be read, and says why.
    if (PQconsumeInput(db_) == 0) {
      ResultPtr last(PQgetResult(db_));
      if (last == nullptr) lose("the connection was lost");
      return last;
    }
  }
}

void Connection::commit() {
  send(kCommit, {});
  const auto settled = settle();
  // After an error that somebody swallowed COMMIT is answered, with another tag.
  if (std::string_view(PQcmdStatus(settled.last.get())) != "COMMIT") {
    throw DatabaseError(DatabaseError::Kind::failed, "COMMIT rolled back: a work went on after an SQL error");
  }
}

void Connection::roll_back() {
  if (!alive()) return drop();
  if (sent_.empty() && PQtransactionStatus(db_) == PQTRANS_IDLE) return;
  try {
    // Behind a sync: where a statement failed, the server skips what comes up to there.
    sync();
    send(kRollBack, {});
    settle();
  } catch (const DatabaseError&) {
    // An error of what was sent before; the transaction is over all the same, or the connection is.
  }
  if (alive() && PQtransactionStatus(db_) != PQTRANS_IDLE) drop();
}

bool Connection::was_ended() {
  // Twice: the first may read why it was ended, the second that it was.
  return !alive() || PQconsumeInput(db_) == 0 || PQconsumeInput(db_) == 0;
}

void Connection::run_script(const std::string& script) {
  settle();
  if (PQexitPipelineMode(db_) == 0) lose("cannot run a script");
  const ResultPtr result(PQexec(db_, script.c_str()));
  if (is_error(result.get())) {
    auto error = error_of(result.get(), script);
    if (error.connection_lost() || PQenterPipelineMode(db_) == 0) drop();
    throw std::move(error);
  }
  if (PQenterPipelineMode(db_) == 0) lose("cannot run a script");
}

}  // namespace agora::sql::postgresql
