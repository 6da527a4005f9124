#include "libs/base/id.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/random.h>
#include <system_error>

namespace agora {
namespace {

// One system call for 128 ids instead of one each.
struct RandomBuffer {
  std::array<unsigned char, 2048> bytes{};
  std::size_t used = bytes.size();
};

void fill_from_kernel(unsigned char* out, std::size_t size) {
  while (size > 0) {
    const auto got = ::getrandom(out, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out += got;
    size -= static_cast<std::size_t>(got);
  }
}

}  // namespace

bool is_id(std::string_view text) {
  if (text.empty() || text.size() > kIdLengthMax) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void fill_random(void* out, std::size_t size) {
  static thread_local RandomBuffer buffer;
  if (size > buffer.bytes.size()) return fill_from_kernel(static_cast<unsigned char*>(out), size);
  if (buffer.bytes.size() - buffer.used < size) {
    fill_from_kernel(buffer.bytes.data(), buffer.bytes.size());
    buffer.used = 0;
  }
  std::memcpy(out, buffer.bytes.data() + buffer.used, size);
  buffer.used += size;
}

std::string new_uuid_v7(Timestamp now) {
  std::array<unsigned char, 16> bytes{};
  fill_random(bytes.data() + 6, 10);
  const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000);
  for (int i = 0; i < 6; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x70);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);

  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    text[at++] = kHex[bytes[i] >> 4];
    text[at++] = kHex[bytes[i] & 0x0F];
  }
  return text;
}

std::string new_human_number() {
  // Crockford's alphabet leaves out I, L, O and U, which people misread.
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::uint64_t bits = 0;
  fill_random(&bits, sizeof bits);
  std::string text(10, '0');
  for (auto& c : text) {
    c = kAlphabet[bits & 31];
    bits >>= 5;
  }
  return text;
}

}  // namespace agora
