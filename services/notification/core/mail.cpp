#include "services/notification/core/mail.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace agora::notification {
namespace {

constexpr std::size_t kAddressMax = 254;   // RFC 5321 §4.5.3.1.3, without the angle brackets
constexpr std::size_t kLocalPartMax = 64;  // §4.5.3.1.1
constexpr std::size_t kLabelMax = 63;
// 52 characters of base64: with `Subject: ` before it a line has at most 76 (RFC 2047 §2).
constexpr std::size_t kEncodedWordBytes = 39;
constexpr std::size_t kLineBytes = 57;  // 76 characters of base64 (RFC 2045 §6.8)
// No line of base64 begins with a hyphen or holds an underscore.
constexpr std::string_view kBoundary = "=_agora_alternative";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_local_part(std::string_view text) {
  static constexpr std::string_view kAtext = "!#$%&'*+-/=?^_`{|}~.";
  const auto fits = [](char c) { return is_alphanumeric(c) || kAtext.find(c) != std::string_view::npos; };
  return !text.empty() && text.size() <= kLocalPartMax && std::all_of(text.begin(), text.end(), fits) &&
         text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos;
}

bool is_label(std::string_view text) {
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '-'; };
  return !text.empty() && text.size() <= kLabelMax && std::all_of(text.begin(), text.end(), fits) &&
         text.front() != '-' && text.back() != '-';
}

bool is_domain(std::string_view text) {
  while (true) {
    const auto dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

void append_base64(std::string& out, std::string_view bytes) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += kDigits[three >> 18];
    out += kDigits[three >> 12 & 63];
    out += i + 1 < bytes.size() ? kDigits[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kDigits[three & 63] : '=';
  }
}

/// Longest prefix of at most `max` bytes that ends with a whole character.
std::string_view whole_characters(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;
  auto end = max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end > 0 ? end : max);
}

/// What a person wrote, as it can stand in a header: a few plain words as they are, all else as encoded-words
/// (RFC 2047), one a line.
std::string header_text(std::string_view written) {
  std::string text(written);
  for (auto& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  const auto is_plain = [](char c) { return is_alphanumeric(c) || c == ' ' || c == '-'; };
  if (text.size() <= kEncodedWordBytes && std::all_of(text.begin(), text.end(), is_plain) && !text.empty() &&
      text.front() != ' ' && text.back() != ' ') {
    return text;
  }
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto part = whole_characters(rest, kEncodedWordBytes);
    rest.remove_prefix(part.size());
    out += out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?";
    append_base64(out, part);
    out += "?=";
  }
  return out;
}

std::string mailbox(const std::string& name, const std::string& address) {
  constexpr std::size_t kBesideHeader = 70;  // what `From: <>` leaves of the 78 characters of a line
  const auto shown = header_text(name);
  if (shown.empty() && address.size() <= kBesideHeader) return "<" + address + ">";
  // On a line of its own: one encoded-word, or a header's name, and a long address would be more than 78 characters.
  return shown + "\r\n <" + address + ">";
}

/// `Mon, 23 Nov 2026 22:56:07 +0000` (RFC 5322 §3.3).
std::string header_date(Timestamp time) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                kDays.at(std::chrono::weekday(day).c_encoding()), static_cast<unsigned>(date.day()),
                kMonths.at(static_cast<unsigned>(date.month()) - 1), static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

void append_part(std::string& out, std::string_view type, std::string_view written) {
  std::string text;
  for (const char c : written) {
    if (c == '\n') text += '\r';
    if (c != '\r') text += c;
  }
  out += "--";
  out += kBoundary;
  out += "\r\nContent-Type: ";
  out += type;
  out += "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  for (std::size_t i = 0; i < text.size(); i += kLineBytes) {
    append_base64(out, std::string_view(text).substr(i, kLineBytes));
    out += "\r\n";
  }
}

}  // namespace

bool is_mail_address(std::string_view text) {
  const auto at = text.find('@');
  return text.size() <= kAddressMax && at != std::string_view::npos && is_local_part(text.substr(0, at)) &&
         is_domain(text.substr(at + 1));
}

std::string to_rfc5322(const Mail& mail) {
  std::string out;
  out += "From: " + mailbox(mail.from_name, mail.from) + "\r\n";
  out += "To: " + mailbox(mail.to_name, mail.to) + "\r\n";
  out += "Subject: " + header_text(mail.subject) + "\r\n";
  out += "Date: " + header_date(mail.date) + "\r\n";
  out += "Message-ID: <" + mail.message_id + ">\r\n";
  // Nobody's out-of-office note should answer us (RFC 3834).
  out += "Auto-Submitted: auto-generated\r\n";
  out += "MIME-Version: 1.0\r\n";
  out += "Content-Type: multipart/alternative; boundary=\"" + std::string(kBoundary) + "\"\r\n\r\n";
  append_part(out, "text/plain", mail.text);
  append_part(out, "text/html", mail.html);
  out += "--" + std::string(kBoundary) + "--\r\n";
  return out;
}

}  // namespace agora::notification
