#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "libs/base/money.hpp"

namespace agora {

/// Why the answer is no. Closed: every border (HTTP, gRPC) has a table over all of it, and a test walks it.
/// "We cannot answer" (our own database down, a bug) is not here: that is an exception.
enum class Errc {
  invalid_argument,     ///< the content is wrong; the same request never succeeds
  unauthenticated,      ///< we do not know who asks
  forbidden,            ///< we know, and they may not
  not_found,            ///< missing, or not theirs to know of
  already_exists,       ///< what should be made is there
  conflict,             ///< the state of things forbids it now (out of stock, price changed)
  precondition_failed,  ///< the version the caller named is not the current one
  failed_precondition,  ///< something else must happen first
  rate_limited,         ///< too often; later works
  unavailable,          ///< a neighbour we need is down; later works
  deadline_exceeded,    ///< the time allowed is over; nothing was done
};

/// Number of enumerators of Errc, for tables and the tests that walk them.
inline constexpr int kErrcCount = 11;

/// snake_case name of the enumerator, stable.
std::string_view to_string(Errc errc);

/// What is wrong with one field of the input.
struct FieldError {
  std::string pointer;  ///< RFC 6901 JSON pointer into the body (`/items/0/quantity`), or `?name` for a query parameter
  std::string code;     ///< bare snake_case (`too_many_decimals`)
  std::string message;  ///< a sentence for people; never echoes the input

  friend bool operator==(const FieldError&, const FieldError&) = default;
};

/// A fact that helps the caller to do better, as a further member of the problem document (`current_price`).
struct ErrorDetail {
  std::string name;
  std::variant<std::string, std::int64_t, Money> value;
};

/// A "no", with all that the caller may know about it. Holds no input of the caller's.
struct Error {
  Errc errc = Errc::invalid_argument;
  std::string code;                  ///< bare snake_case, stable, part of the contract (`out_of_stock`)
  std::string message;               ///< a sentence for people
  std::vector<FieldError> fields{};  ///< all field errors at once
  std::vector<ErrorDetail> details{};
};

/// Either a T or an Error; the member names are those of std::expected, which GCC 12 and clang-tidy 14 cannot both
/// parse. Converts implicitly from both, so `return order;` and `return Error{…};` read as they should.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  /// The value; std::bad_variant_access when there is none (a bug of the caller's).
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(other));
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  void operator*() const {}

  Error& error() & { return error_.value(); }
  const Error& error() const& { return error_.value(); }
  Error&& error() && { return std::move(error_).value(); }

 private:
  std::optional<Error> error_;
};

}  // namespace agora

#define AGORA_CONCAT_(a, b) a##b
#define AGORA_CONCAT(a, b) AGORA_CONCAT_(a, b)

// Statement macros, not expressions: GNU statement expressions break around co_await on GCC 12.
#define AGORA_TRY_(tmp, decl, expr, ret)            \
  auto tmp = (expr);                                \
  if (!tmp.has_value()) ret std::move(tmp).error(); \
  decl = *std::move(tmp)

/// `AGORA_TRY(auto order, find(id));` returns the error of find(id), or goes on with its value.
#define AGORA_TRY(decl, expr) AGORA_TRY_(AGORA_CONCAT(agora_try_, __LINE__), decl, expr, return)
/// The same in a coroutine; `expr` may be one `co_await`.
#define AGORA_CO_TRY(decl, expr) AGORA_TRY_(AGORA_CONCAT(agora_try_, __LINE__), decl, expr, co_return)

/// For Result<void>: returns its error or goes on.
#define AGORA_TRY_VOID(expr) \
  if (auto agora_try_void = (expr); !agora_try_void.has_value()) return std::move(agora_try_void).error()
#define AGORA_CO_TRY_VOID(expr) \
  if (auto agora_try_void = (expr); !agora_try_void.has_value()) co_return std::move(agora_try_void).error()
