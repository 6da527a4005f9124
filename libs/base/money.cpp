#include "libs/base/money.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "libs/base/result.hpp"

namespace agora {
namespace {

// ISO 4217:2015 with amendments to 2026, active currencies; funds, metals and test codes left out. Sorted.
constexpr std::string_view kTwoDecimals =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG ";
constexpr std::string_view kNoDecimals = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF ";
constexpr std::string_view kThreeDecimals = "BHD IQD JOD KWD LYD OMR TND ";
constexpr std::string_view kFourDecimals = "CLF UYW ";

// A product of two int64 needs it; GCC and clang both have it, ISO C++ does not name it.
__extension__ typedef __int128 Int128;

constexpr std::array<std::int64_t, 5> kPowersOfTen{1, 10, 100, 1'000, 10'000};
constexpr int kScaleMax = 4;

/// Binary search: the codes stand sorted, four characters each.
bool lists(std::string_view codes, std::string_view code) {
  std::size_t low = 0;
  std::size_t high = codes.size() / 4;
  while (low < high) {
    const auto middle = (low + high) / 2;
    const auto order = codes.substr(4 * middle, 3).compare(code);
    if (order == 0) return true;
    (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
  }
  return false;
}

Error bad_number(std::string code, std::string message) {
  return Error{Errc::invalid_argument, std::move(code), std::move(message)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::optional<Currency> Currency::from_code(std::string_view code) {
  if (code.size() != 3) return std::nullopt;
  const std::array<char, 3> letters{code[0], code[1], code[2]};
  if (lists(kTwoDecimals, code)) return Currency(letters, 2);
  if (lists(kNoDecimals, code)) return Currency(letters, 0);
  if (lists(kThreeDecimals, code)) return Currency(letters, 3);
  if (lists(kFourDecimals, code)) return Currency(letters, 4);
  return std::nullopt;
}

bool fits(const Money& money) {
  const auto limit = kMoneyMajorMax * kPowersOfTen[static_cast<std::size_t>(money.currency.decimals())];
  return -limit < money.minor && money.minor < limit;
}

std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

std::optional<std::int64_t> checked_subtract(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(a, b, &difference)) return std::nullopt;
  return difference;
}

std::optional<std::int64_t> checked_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

std::vector<std::int64_t> split_by_largest_remainder(std::int64_t total, const std::vector<std::int64_t>& weights) {
  std::vector<std::int64_t> parts(weights.size(), 0);
  Int128 sum = 0;
  for (const auto weight : weights) sum += weight;
  if (sum == 0) return parts;
  std::vector<Int128> remainders(weights.size());
  std::int64_t given = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Int128 share = static_cast<Int128>(total) * weights[i];
    parts[i] = static_cast<std::int64_t>(share / sum);
    remainders[i] = share % sum;
    given += parts[i];
  }
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; given < total; ++i, ++given) ++parts[order[i]];
  return parts;
}

Result<Decimal> Decimal::parse(std::string_view text) {
  if (text.empty()) return bad_number("not_a_number", "must be a number");
  if (text.front() == '-') return bad_number("negative", "must not be negative");
  if (text.find_first_of("eE") != std::string_view::npos) {
    return bad_number("exponent", "must be written without an exponent");
  }
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() || !std::all_of(whole.begin(), whole.end(), is_digit) ||
      !std::all_of(fraction.begin(), fraction.end(), is_digit) ||
      (point != std::string_view::npos && fraction.empty()) || (whole.size() > 1 && whole.front() == '0')) {
    return bad_number("not_a_number", "must be a number");
  }
  if (whole.size() > 12) return bad_number("too_large", "must be less than 10^12");
  if (fraction.size() > kScaleMax) {
    return bad_number("too_many_decimals", "has more decimals than its currency");
  }
  std::int64_t units = 0;
  for (const auto digits : {whole, fraction}) {
    for (const char c : digits) units = units * 10 + (c - '0');
  }
  return Decimal{units, static_cast<int>(fraction.size())};
}

std::optional<Money> Decimal::in(Currency currency) const {
  if (scale > currency.decimals()) return std::nullopt;
  return Money{units * kPowersOfTen[static_cast<std::size_t>(currency.decimals() - scale)], currency};
}

void append_decimal(std::string& out, const Money& money) {
  std::array<char, 24> digits{};
  const bool negative = money.minor < 0;
  // Negated as unsigned: the smallest int64 has no positive counterpart.
  const auto magnitude =
      negative ? 0 - static_cast<std::uint64_t>(money.minor) : static_cast<std::uint64_t>(money.minor);
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), magnitude).ptr;
  const std::string_view all(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const auto decimals = static_cast<std::size_t>(money.currency.decimals());
  if (negative) out.push_back('-');
  if (all.size() > decimals) {
    out.append(all.substr(0, all.size() - decimals));
  } else {
    out.push_back('0');
  }
  if (decimals == 0) return;
  out.push_back('.');
  if (all.size() < decimals) out.append(decimals - all.size(), '0');
  out.append(all.size() > decimals ? all.substr(all.size() - decimals) : all);
}

std::string to_decimal_string(const Money& money) {
  std::string out;
  append_decimal(out, money);
  return out;
}

}  // namespace agora
