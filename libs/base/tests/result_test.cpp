#include "libs/base/result.hpp"

#include <ostream>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "libs/base/ctx.hpp"
#include "libs/base/secret.hpp"

namespace agora {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{Errc::invalid_argument, "odd", "must be even"};
  return n / 2;
}

Result<int> quarter(int n) {
  AGORA_TRY(const auto once, half(n));
  AGORA_TRY(const auto twice, half(once));
  return twice;
}

Result<void> check(int n) {
  AGORA_TRY_VOID(Result<void>{});
  AGORA_TRY(const auto ignored, half(n));
  static_cast<void>(ignored);
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(*half(4), 2);
  EXPECT_FALSE(half(3).has_value());
  EXPECT_EQ(half(3).error().code, "odd");
  EXPECT_EQ(half(3).value_or(7), 7);
  EXPECT_THROW(static_cast<void>(half(3).value()), std::bad_variant_access);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_FALSE(quarter(6).has_value());
  EXPECT_FALSE(quarter(5).has_value());
  EXPECT_TRUE(check(2).has_value());
  EXPECT_FALSE(check(1).has_value());
}

TEST(Errc, EveryOneHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i < kErrcCount; ++i) names.insert(to_string(static_cast<Errc>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kErrcCount));
  EXPECT_FALSE(names.contains("unknown"));
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

TEST(Secret, CannotBePrinted) {
  static_assert(Printable<std::string>);
  static_assert(!Printable<Secret<std::string>>);
  static_assert(!fmt::is_formattable<Secret<std::string>>::value);
  EXPECT_EQ(Secret<std::string>("x").reveal(), "x");
}

TEST(TraceContext, IsWrittenAsTraceparent) {
  TraceContext trace;
  EXPECT_FALSE(trace.valid());
  trace.trace_id[0] = 0xAB;
  trace.span_id[7] = 0x01;
  trace.flags = 1;
  EXPECT_TRUE(trace.valid());
  EXPECT_EQ(trace.traceparent(), "00-ab000000000000000000000000000000-0000000000000001-01");
}

TEST(Principal, HoldsRolesAsASet) {
  const Principal support{.kind = Principal::Kind::user, .roles = 2 | 4, .subject = "s"};
  EXPECT_TRUE(support.has(Role::support));
  EXPECT_TRUE(support.has(Role::user));
  EXPECT_FALSE(support.has(Role::admin));
}

}  // namespace
}  // namespace agora
