#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "libs/base/deadline.hpp"
#include "libs/base/result.hpp"

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

Task<int> failing() {
  throw std::out_of_range("no");
  co_return 0;
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

TEST(WithDeadline, PassesOnWhatIsThrownInTime) {
  std::exception_ptr failure;
  EXPECT_FALSE(run(with_deadline(within(std::chrono::seconds(30)), failing()), failure).has_value());
  ASSERT_NE(failure, nullptr);
  EXPECT_THROW(std::rethrow_exception(failure), std::out_of_range);
}

TEST(WithDeadline, IsUnavailableToWhoeverAnswers) {
  static_assert(std::is_base_of_v<Unavailable, DeadlineExceeded>);
  std::exception_ptr failure;
  EXPECT_FALSE(run(with_deadline(within(std::chrono::milliseconds(-1)), never()), failure).has_value());
  ASSERT_NE(failure, nullptr);
  EXPECT_THROW(std::rethrow_exception(failure), Unavailable);
}

Task<void> set(bool& done) {
  done = true;
  co_return;
}

Task<int> run_void(Ctx ctx, bool& done) {
  co_await with_deadline(ctx, set(done));
  co_return 1;
}

TEST(WithDeadline, RunsWhatGivesNothing) {
  std::exception_ptr failure;
  bool done = false;
  EXPECT_EQ(run(run_void(within(std::chrono::seconds(30)), done), failure), 1);
  EXPECT_TRUE(done);
}

Task<int> note_end(std::shared_ptr<int> held) {
  co_await never();
  co_return *held;
}

TEST(WithDeadline, LeavesNothingOfWhatItCancelled) {
  std::exception_ptr failure;
  auto held = std::make_shared<int>(1);
  EXPECT_FALSE(run(with_deadline(within(std::chrono::milliseconds(1)), note_end(held)), failure).has_value());
  EXPECT_EQ(held.use_count(), 1);
}

Result<int> odd_is_no(int n) {
  if (n % 2 != 0) return Error{Errc::conflict, "odd", "must be even"};
  return n;
}

Task<Result<int>> asked(int n) {
  co_return odd_is_no(n);
}

Task<Result<void>> checked(int n) {
  AGORA_CO_TRY(const auto even, odd_is_no(n));
  static_cast<void>(even);
  co_return Result<void>{};
}

Task<Result<int>> sum(int a, int b) {
  AGORA_CO_TRY(const auto first, co_await asked(a));
  AGORA_CO_TRY_VOID(co_await checked(b));
  co_return first + b;
}

TEST(Result, TryReturnsTheFirstErrorOfCoroutines) {
  std::exception_ptr failure;
  EXPECT_EQ(run(sum(2, 4), failure)->value(), 6);
  for (const auto& [a, b] : {std::pair(1, 2), std::pair(2, 1)}) {
    const auto no = run(sum(a, b), failure);
    ASSERT_TRUE(no.has_value());
    ASSERT_FALSE(no->has_value()) << a << " " << b;
    EXPECT_EQ(no->error().code, "odd");
  }
  EXPECT_EQ(failure, nullptr);
}

TEST(Ctx, ExpiresAtItsDeadline) {
  EXPECT_FALSE(Ctx{}.expired());
  EXPECT_FALSE(within(std::chrono::hours(1)).expired());
  EXPECT_TRUE(within(std::chrono::milliseconds(0)).expired());
}

TEST(WithDeadline, CancelsWhatIsLate) {
  std::exception_ptr failure;
  EXPECT_FALSE(run(with_deadline(within(std::chrono::milliseconds(1)), never()), failure).has_value());
  ASSERT_NE(failure, nullptr);
  EXPECT_THROW(std::rethrow_exception(failure), DeadlineExceeded);
}

/// What the two canaries below are about, in this compiler.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12
constexpr bool kDestroysTwice = true;
#else
constexpr bool kDestroysTwice = false;
#endif

/// Counts how many live copies of it there are: below zero when one was destroyed twice.
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

Task<int> with_a_named_one(int& balance) {
  Braced braced{Counted(balance), 7};
  co_return co_await take(std::move(braced));
}

Task<std::size_t> call(std::function<std::size_t()> function) {
  co_return function();
}

Task<std::size_t> with_a_lambda(std::string text) {
  co_return co_await call([text] { return text.size(); });
}

Task<std::size_t> with_a_named_lambda(std::string text) {
  const auto size = [text] { return text.size(); };
  co_return co_await call(size);
}

/// Longer than what a string keeps without allocating.
const std::string kOnTheHeap(100, 'x');

/// Why tools/tidy refuses capturing lambdas and braced temporaries inside co_await expressions: GCC 12 destroys them
/// once too often. When one of these tests fails, the compiler has been mended: with both, the rule may go.
TEST(CoroutineCanary, OnlyGcc12DestroysBracedTemporariesTwice) {
  std::exception_ptr failure;
  int balance = 0;
  EXPECT_EQ(run(with_a_named_one(balance), failure), 7);
  EXPECT_EQ(balance, 0);
  EXPECT_EQ(run(with_a_braced_temporary(balance), failure), 7);
  EXPECT_EQ(balance < 0, kDestroysTwice);
}

/// In a process of its own: there the allocator, or the sanitizer, ends the double free.
TEST(CoroutineCanaryDeathTest, OnlyGcc12FreesTheCapturesOfALambdaTwice) {
  std::exception_ptr failure;
  EXPECT_EQ(run(with_a_named_lambda(kOnTheHeap), failure), kOnTheHeap.size());
  if (kDestroysTwice) {
    EXPECT_DEATH(run(with_a_lambda(kOnTheHeap), failure), "double.free");
  } else {
    EXPECT_EQ(run(with_a_lambda(kOnTheHeap), failure), kOnTheHeap.size());
  }
}

}  // namespace
}  // namespace agora
