#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "libs/base/deadline.hpp"

namespace agora {
namespace {

template <class T>
Task<void> keep(Task<T> task, std::optional<T>& out, std::exception_ptr& failure) {
  try {
    out = co_await std::move(task);
  } catch (...) {
    failure = std::current_exception();
  }
}

template <class T>
std::optional<T> run(Task<T> task, std::exception_ptr& failure) {
  asio::io_context io;
  std::optional<T> out;
  asio::co_spawn(io, keep(std::move(task), out, failure), asio::detached);
  io.run();
  return out;
}

Task<int> answer() {
  co_return 42;
}

Task<int> never() {
  asio::steady_timer timer(co_await asio::this_coro::executor, Deadline::max());
  co_await timer.async_wait(asio::use_awaitable);
  co_return 0;
}

Ctx within(std::chrono::milliseconds time) {
  Ctx ctx;
  ctx.deadline = std::chrono::steady_clock::now() + time;
  return ctx;
}

TEST(WithDeadline, GivesWhatIsInTime) {
  std::exception_ptr failure;
  EXPECT_EQ(run(with_deadline(within(std::chrono::seconds(30)), answer()), failure), 42);
  EXPECT_EQ(run(with_deadline(Ctx{}, answer()), failure), 42);
  EXPECT_EQ(failure, nullptr);
}

TEST(WithDeadline, CancelsWhatIsLate) {
  std::exception_ptr failure;
  EXPECT_FALSE(run(with_deadline(within(std::chrono::milliseconds(1)), never()), failure).has_value());
  ASSERT_NE(failure, nullptr);
  EXPECT_THROW(std::rethrow_exception(failure), DeadlineExceeded);
}

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12

/// Counts how many live copies of it there are, and how many were destroyed.
struct Counted {
  explicit Counted(int& balance) : balance_(&balance) { ++*balance_; }
  Counted(const Counted& other) : balance_(other.balance_) { ++*balance_; }
  Counted(Counted&& other) noexcept : balance_(other.balance_) { ++*balance_; }
  ~Counted() { --*balance_; }
  int* balance_;
};

struct Braced {
  Counted counted;
  int number;
};

Task<int> take(Braced braced) {
  co_return braced.number;
}

Task<int> with_a_braced_temporary(int& balance) {
  co_return co_await take({Counted(balance), 7});
}

Task<int> with_a_name(int& balance) {
  Braced braced{Counted(balance), 7};
  co_return co_await take(std::move(braced));
}

/// Why tools/tidy refuses braced temporaries and capturing lambdas inside co_await expressions: this compiler destroys
/// them once too often. When this test fails, the compiler has been mended and the rule may go.
TEST(CoroutineCanary, ThisCompilerDestroysBracedTemporariesTwice) {
  std::exception_ptr failure;
  int balance = 0;
  EXPECT_EQ(run(with_a_name(balance), failure), 7);
  EXPECT_EQ(balance, 0);
  EXPECT_EQ(run(with_a_braced_temporary(balance), failure), 7);
  EXPECT_LT(balance, 0);
}

#endif

}  // namespace
}  // namespace agora
