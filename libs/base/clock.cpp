#include "libs/base/clock.hpp"

#include <array>
#include <cstdint>

namespace agora {
namespace {

// Years 0000-9999: what four digits can say.
constexpr Timestamp kFirst{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr Timestamp kEnd{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}};

void put_digits(char* out, std::int64_t value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

/// Reads exactly `width` digits at `at` and moves on; −1 when there are other characters.
int take_digits(std::string_view text, std::size_t& at, int width) {
  if (text.size() < at + static_cast<std::size_t>(width)) return -1;
  int value = 0;
  for (int i = 0; i < width; ++i) {
    const char c = text[at++];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool take(std::string_view text, std::size_t& at, char a, char b) {
  if (at >= text.size() || (text[at] != a && text[at] != b)) return false;
  ++at;
  return true;
}

}  // namespace

Timestamp SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

void append_rfc3339(std::string& out, Timestamp time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time - days).count();
  const auto from = out.size();
  out += "0000-00-00T00:00:00.000Z";
  char* text = out.data() + from;
  put_digits(text, static_cast<int>(date.year()), 4);
  put_digits(text + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(text + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(text + 11, ms / 3'600'000, 2);
  put_digits(text + 14, ms / 60'000 % 60, 2);
  put_digits(text + 17, ms / 1'000 % 60, 2);
  put_digits(text + 20, ms % 1'000, 3);
}

std::string to_rfc3339(Timestamp time) {
  std::string text;
  append_rfc3339(text, time);
  return text;
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  std::size_t at = 0;
  const int year = take_digits(text, at, 4);
  if (year < 0 || !take(text, at, '-', '-')) return std::nullopt;
  const int month = take_digits(text, at, 2);
  if (month < 0 || !take(text, at, '-', '-')) return std::nullopt;
  const int day = take_digits(text, at, 2);
  if (day < 0 || !take(text, at, 'T', 't')) return std::nullopt;
  const int hour = take_digits(text, at, 2);
  if (hour < 0 || hour > 23 || !take(text, at, ':', ':')) return std::nullopt;
  const int minute = take_digits(text, at, 2);
  if (minute < 0 || minute > 59 || !take(text, at, ':', ':')) return std::nullopt;
  const int second = take_digits(text, at, 2);
  if (second < 0 || second > 59) return std::nullopt;

  std::int64_t micros = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    int digits = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits) {
      if (digits < 6) micros = micros * 10 + (text[at] - '0');
    }
    if (digits == 0 || digits > 9) return std::nullopt;
    for (; digits < 6; ++digits) micros *= 10;
  }

  std::chrono::minutes offset{0};
  if (!take(text, at, 'Z', 'z')) {
    if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return std::nullopt;
    const int sign = text[at++] == '+' ? 1 : -1;
    const int offset_hours = take_digits(text, at, 2);
    if (offset_hours < 0 || offset_hours > 23 || !take(text, at, ':', ':')) return std::nullopt;
    const int offset_minutes = take_digits(text, at, 2);
    if (offset_minutes < 0 || offset_minutes > 59) return std::nullopt;
    offset = std::chrono::minutes{sign * (offset_hours * 60 + offset_minutes)};
  }
  if (at != text.size()) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  const auto time = Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                    std::chrono::seconds{second} + std::chrono::microseconds{micros} - offset;
  // An offset may lead out of the years that can be written.
  if (time < kFirst || time >= kEnd) return std::nullopt;
  return time;
}

}  // namespace agora
