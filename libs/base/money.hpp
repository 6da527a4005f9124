#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agora {

template <class T>
class Result;
struct Error;

/// An ISO 4217 currency that is in use. Value type, 4 bytes.
class Currency {
 public:
  /// The currency of a code (`USD`), or none when ISO 4217 has no active currency of that code.
  static std::optional<Currency> from_code(std::string_view code);

  /// Three upper-case letters.
  std::string_view code() const { return {code_.data(), code_.size()}; }
  /// Digits after the point: USD 2, JPY 0, JOD 3, CLF 4.
  int decimals() const { return decimals_; }

  friend bool operator==(const Currency&, const Currency&) = default;

 private:
  constexpr Currency(std::array<char, 3> code, int8_t decimals) : code_(code), decimals_(decimals) {}

  std::array<char, 3> code_;
  int8_t decimals_;
};

/// Money never goes through a double: int64 minor units (cents) and the currency they are of.
/// Arithmetic is checked; an overflow or two currencies in one sum is a "no" for the caller to name.
struct Money {
  std::int64_t minor = 0;
  Currency currency;

  friend bool operator==(const Money&, const Money&) = default;
};

/// The largest amount we take or make: |x| < 10^12 major units (REST contract).
inline constexpr std::int64_t kMoneyMajorMax = 1'000'000'000'000;

/// Whether an amount's magnitude is below kMoneyMajorMax.
bool fits(const Money& money);

/// a + b; none on overflow. Both in minor units of one currency.
std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b);
/// a − b; none on overflow.
std::optional<std::int64_t> checked_subtract(std::int64_t a, std::int64_t b);
/// a × b; none on overflow.
std::optional<std::int64_t> checked_multiply(std::int64_t a, std::int64_t b);

/// Splits `total` (≥ 0) in proportion to `weights` (≥ 0, their sum > 0 unless total is 0) by largest remainder: the
/// parts sum to the whole exactly; equal remainders go to the lower index.
std::vector<std::int64_t> split_by_largest_remainder(std::int64_t total, const std::vector<std::int64_t>& weights);

/// A non-negative decimal number as somebody wrote it, before its currency is known: units × 10^-scale.
struct Decimal {
  std::int64_t units = 0;
  int scale = 0;  ///< digits written after the point, 0–4

  /// Reads a JSON number's text. "No" codes: `negative` (also −0), `exponent`, `too_many_decimals` (more than any
  /// currency has), `too_large` (≥ 10^12), `not_a_number`.
  static Result<Decimal> parse(std::string_view text);

  /// In minor units of a currency; none when more decimals were written than the currency has.
  std::optional<Money> in(Currency currency) const;

  friend bool operator==(const Decimal&, const Decimal&) = default;
};

/// Major units with always the currency's decimals, as the REST contract writes numbers: `999.98`, `1000.00`, JPY
/// `1200`.
std::string to_decimal_string(const Money& money);
/// The same, appended.
void append_decimal(std::string& out, const Money& money);

}  // namespace agora
