#pragma once
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/migrations.hpp"
#include "libs/sql/queue.hpp"
#include "libs/sql/traced_write.hpp"
#include "libs/sql/tx.hpp"

namespace agora::sql {

/// Named limits of a database; every number here is a setting.
struct Limits {
  std::int64_t group_max = 64;                      ///< works and span commands in one commit
  std::chrono::microseconds group_time_max{5'000};  ///< SQLite: a group takes up nothing more after this long
  std::int64_t queue_max = 4'096;                   ///< works and commands that wait; beyond: unavailable, at once
  std::int64_t readers = 2;                         ///< read connections of the pool
  std::int64_t writers = 2;                         ///< PostgreSQL: write connections
  std::int64_t retries_max = 8;                     ///< PostgreSQL: of 40001, 40P01, connections lost before COMMIT
  std::chrono::milliseconds statement_time_max{30'000};      ///< PostgreSQL: where no deadline is nearer
  std::chrono::milliseconds idle_in_transaction_max{2'000};  ///< PostgreSQL: of a process that stopped
  std::chrono::milliseconds reconnect_wait_max{500};         ///< PostgreSQL: between two tries to connect
  std::chrono::milliseconds migration_lock_wait_max{5'000};  ///< PostgreSQL: of a step for a table in use
  std::int64_t wal_bytes_max = 64 << 20;                     ///< SQLite: the WAL is truncated above this
  bool durability_optional = false;                          ///< tests: `sqlite:…?synchronous=off` is accepted
};

/// A service's own database, chosen by URL (`sqlite:DIR/order.db`, `postgresql://…`). Thread-safe.
///
/// - write(): a **work**, a synchronous function of Tx& alone. It may run more than once and on any thread, so capture
/// ids and `now` by value.
/// - Span: for hot paths, a handler of what waited while the last commit ran.
/// - read(): a function of a read snapshot on the read pool. get(): the same for reads by primary key; SQLite runs it
/// inline on the io thread.
///
/// Nothing answers before its commit returned. A queued work whose deadline passes is dropped (DatabaseError deadline)
/// and did nothing; once its group has started it is awaited. A throw rolls the work back alone and is rethrown to who
/// waits.
class Database {
 public:
  /// Opens, or creates (SQLite). `metrics` must outlive it, and nobody ask them once it is gone. Throws FileInUse when
  /// another process writes the file, DatabaseError when it cannot be opened, std::invalid_argument on a URL of no
  /// known kind.
  static std::unique_ptr<Database> open(const std::string& url, const Limits& limits, telemetry::Registry& metrics);
  virtual ~Database() = default;

  virtual Engine engine() const = 0;
  telemetry::Tracer& tracer() const { return tracer_; }

  /// Brings the schema up to the last of `migrations`. Refuses (DatabaseError failed) when the text of a landed one
  /// differs, or the database has steps that this program does not know. Of several processes one migrates, the others
  /// wait for it.
  virtual void migrate(std::span<const Migration> migrations);

  /// Awaits `work(Tx&)`'s commit and gives its value.
  template <class Work>
  Task<std::invoke_result_t<Work&, Tx&>> write(Ctx ctx, Work work);
  /// Awaits `work(Tx&)` on a read snapshot.
  template <class Work>
  Task<std::invoke_result_t<Work&, Tx&>> read(Ctx ctx, Work work);
  /// Awaits `work(Tx&)`, which reads by primary key only.
  template <class Work>
  Task<std::invoke_result_t<Work&, Tx&>> get(Ctx ctx, Work work);

  /// The same for callers that may block (start-up, tools, tests).
  template <class Work>
  std::invoke_result_t<Work&, Tx&> write_blocking(Ctx ctx, Work work);
  template <class Work>
  std::invoke_result_t<Work&, Tx&> read_blocking(Ctx ctx, Work work);

  /// Has `listener` called after each commit of this process, on the thread that committed; it must be quick and must
  /// not throw. One listener; an empty one ends it, and is not called any more once this returned.
  void on_commit(std::function<void()> listener);

  /// Finishes what is queued, checkpoints (SQLite), closes. Writes after it throw unavailable.
  virtual void close() = 0;

  // What the templates stand on.
  virtual void enqueue_write(Member& member) = 0;
  virtual void enqueue_read(Member& member) = 0;
  /// Runs a read by primary key on this thread if the engine can; else false.
  virtual bool run_inline(Member& member) = 0;

 protected:
  explicit Database(telemetry::Registry& metrics) : tracer_(metrics.tracer()) {}

  /// For engines: after every commit.
  void tell_committed();

 private:
  telemetry::Tracer& tracer_;
  std::mutex listener_mutex_;
  std::function<void()> listener_;
};

/// A hot path: commands that wait while a commit runs are handled together in one transaction. Copyable; refers to its
/// database.
///
/// The handler gets what waited, in queue order (≤ Limits::group_max), and answers each in order. It loads and locks
/// all it needs, decides in memory, writes by tx.batch(). When it throws, everything is rolled back and it runs again
/// with each command alone: a poison command fails alone.
template <class Command, class Answer>
class Span {
 public:
  using Handler = std::function<std::vector<Answer>(Tx&, std::span<const Command>)>;

  Span(Database& database, std::string name, Handler handler)
      : database_(&database), core_(std::make_shared<Core>(std::move(name), std::move(handler))) {}

  /// Queues the command; its answer once the commit returned.
  Task<Answer> operator()(Ctx ctx, Command command);
  /// For callers that may block.
  Answer blocking(Ctx ctx, Command command);

 private:
  struct CommandMember final : Member {
    explicit CommandMember(Command c) : command(std::move(c)) {}
    void run(Tx&) override { throw std::logic_error("a span's command does not run by itself"); }
    Command command;
    std::optional<Answer> answer{};
  };

  struct Batch final : SpanBatch {
    Batch(const Handler& h, std::vector<Member*> m) : handler(h) {
      members = std::move(m);
      commands.reserve(members.size());
      for (auto* member : members) commands.push_back(std::move(static_cast<CommandMember*>(member)->command));
    }
    void run(Tx& tx, std::size_t first, std::size_t count) override {
      auto answers = handler(tx, std::span<const Command>(commands).subspan(first, count));
      if (answers.size() != count) throw std::logic_error("a span's handler must answer every command");
      for (std::size_t i = 0; i < count; ++i) {
        static_cast<CommandMember*>(members[first + i])->answer.emplace(std::move(answers[i]));
      }
    }
    const Handler& handler;
    std::vector<Command> commands;
  };

  struct Core final : SpanCore {
    Core(std::string name, Handler h) : SpanCore(std::move(name)), handler(std::move(h)) {}
    std::unique_ptr<SpanBatch> gather(std::vector<Member*> members) override {
      return std::make_unique<Batch>(handler, std::move(members));
    }
    Handler handler;
  };

  Database* database_;
  std::shared_ptr<Core> core_;
};

namespace detail {

template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class Work, class T>
struct WorkMember final : Member {
  explicit WorkMember(Work w) : work(std::move(w)) {}
  void run(Tx& tx) override {
    if constexpr (std::is_void_v<T>) {
      work(tx);
      value.emplace();
    } else {
      value.emplace(work(tx));
    }
  }
  T take() {
    if constexpr (!std::is_void_v<T>) return std::move(*value);
  }
  Work work;
  std::optional<Stored<T>> value{};
};

template <class Handler>
class CoroutineWaiter final : public Waiter {
 public:
  explicit CoroutineWaiter(Handler handler)
      : executor_(boost::asio::get_associated_executor(handler)),
        // The io_context has work to wait for, though none of its own.
        work_(boost::asio::prefer(executor_, boost::asio::execution::outstanding_work.tracked)),
        handler_(std::move(handler)) {}
  const boost::asio::any_io_executor* executor() const override { return &executor_; }
  void wake() override { std::move(handler_)(); }

 private:
  boost::asio::any_io_executor executor_;
  boost::asio::any_io_executor work_;
  Handler handler_;
};

class ThreadWaiter final : public Waiter {
 public:
  explicit ThreadWaiter(std::promise<void>& done) : done_(done) {}
  const boost::asio::any_io_executor* executor() const override { return nullptr; }
  void wake() override { done_.set_value(); }

 private:
  std::promise<void>& done_;
};

using Enqueue = void (Database::*)(Member&);

/// Queues a member that lives in the caller's frame and waits until it was woken.
inline Task<void> wait_for(Database& database, Enqueue enqueue, Member& member) {
  auto initiate = [&database, enqueue, &member](auto handler) {
    using Handler = decltype(handler);
    member.waiter = std::make_unique<CoroutineWaiter<Handler>>(std::move(handler));
    try {
      (database.*enqueue)(member);
    } catch (const DatabaseError&) {
      // Not queued: the caller is told as if it had been.
      member.error = std::current_exception();
      wake({&member});
    }
  };
  co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void()>(initiate,
                                                                                     boost::asio::use_awaitable);
  if (member.error) std::rethrow_exception(member.error);
}

inline void wait_blocking(Database& database, Enqueue enqueue, Member& member) {
  std::promise<void> done;
  member.waiter = std::make_unique<ThreadWaiter>(done);
  (database.*enqueue)(member);
  done.get_future().wait();
  if (member.error) std::rethrow_exception(member.error);
}

}  // namespace detail

template <class Work>
Task<std::invoke_result_t<Work&, Tx&>> Database::write(Ctx ctx, Work work) {
  detail::WorkMember<Work, std::invoke_result_t<Work&, Tx&>> member(std::move(work));
  member.deadline = ctx.deadline;
  const TracedWrite traced(tracer_, engine(), ctx.trace, "write", member);
  co_await detail::wait_for(*this, &Database::enqueue_write, member);
  co_return member.take();
}

template <class Work>
Task<std::invoke_result_t<Work&, Tx&>> Database::read(Ctx ctx, Work work) {
  detail::WorkMember<Work, std::invoke_result_t<Work&, Tx&>> member(std::move(work));
  member.deadline = ctx.deadline;
  co_await detail::wait_for(*this, &Database::enqueue_read, member);
  co_return member.take();
}

template <class Work>
Task<std::invoke_result_t<Work&, Tx&>> Database::get(Ctx ctx, Work work) {
  detail::WorkMember<Work, std::invoke_result_t<Work&, Tx&>> member(std::move(work));
  member.deadline = ctx.deadline;
  if (!run_inline(member)) co_await detail::wait_for(*this, &Database::enqueue_read, member);
  co_return member.take();
}

template <class Work>
std::invoke_result_t<Work&, Tx&> Database::write_blocking(Ctx ctx, Work work) {
  detail::WorkMember<Work, std::invoke_result_t<Work&, Tx&>> member(std::move(work));
  member.deadline = ctx.deadline;
  detail::wait_blocking(*this, &Database::enqueue_write, member);
  return member.take();
}

template <class Work>
std::invoke_result_t<Work&, Tx&> Database::read_blocking(Ctx ctx, Work work) {
  detail::WorkMember<Work, std::invoke_result_t<Work&, Tx&>> member(std::move(work));
  member.deadline = ctx.deadline;
  detail::wait_blocking(*this, &Database::enqueue_read, member);
  return member.take();
}

template <class Command, class Answer>
Task<Answer> Span<Command, Answer>::operator()(Ctx ctx, Command command) {
  // Kept alive here: the span may be gone before its last command is answered.
  const auto core = core_;
  CommandMember member(std::move(command));
  member.span = core.get();
  member.deadline = ctx.deadline;
  const TracedWrite traced(database_->tracer(), database_->engine(), ctx.trace, core->name(), member);
  co_await detail::wait_for(*database_, &Database::enqueue_write, member);
  co_return std::move(*member.answer);
}

template <class Command, class Answer>
Answer Span<Command, Answer>::blocking(Ctx ctx, Command command) {
  CommandMember member(std::move(command));
  member.span = core_.get();
  member.deadline = ctx.deadline;
  detail::wait_blocking(*database_, &Database::enqueue_write, member);
  return std::move(*member.answer);
}

}  // namespace agora::sql
