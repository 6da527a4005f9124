#include "libs/sql/postgresql/parameters.hpp"

#include <charconv>

namespace agora::sql::postgresql {
namespace {

constexpr int kTextFormat = 0;
constexpr int kBinaryFormat = 1;

}  // namespace

void Parameters::bind(std::span<const Value> row) {
  used_ = 0;
  values_.clear();
  lengths_.clear();
  formats_.clear();
  // First of all: what values_ points into must not move.
  if (texts_.size() < row.size()) texts_.resize(row.size());
  for (const auto& parameter : row) {
    const auto& value = parameter.get();
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      char digits[24];
      const auto end = std::to_chars(digits, digits + sizeof digits, *number).ptr;
      add_text({digits, static_cast<std::size_t>(end - digits)});
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      add_text(*text);
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      // What is empty may have no address, which libpq would take for NULL.
      add(bytes->empty() ? "" : reinterpret_cast<const char*>(bytes->data()), bytes->size(), kBinaryFormat);
    } else {
      add(nullptr, 0, kTextFormat);
    }
  }
}

void Parameters::add_text(std::string_view text) {
  // Text format ends at a NUL, so the view is copied in front of one.
  auto& copy = texts_[used_++];
  copy.assign(text);
  add(copy.c_str(), copy.size(), kTextFormat);
}

void Parameters::add(const char* data, std::size_t size, int format) {
  values_.push_back(data);
  lengths_.push_back(static_cast<int>(size));
  formats_.push_back(format);
}

}  // namespace agora::sql::postgresql
