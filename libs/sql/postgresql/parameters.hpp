#pragma once
#include <span>
#include <string>
#include <vector>

#include "libs/sql/value.hpp"

namespace agora::sql::postgresql {

/// A row of parameters as libpq takes them. Used again and again: it keeps its memory.
class Parameters {
 public:
  /// Valid until the next call; bytes are borrowed, texts are copied.
  void bind(std::span<const Value> row);

  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void add_text(std::string_view text);
  void add(const char* data, std::size_t size, int format);

  std::vector<std::string> texts_;
  std::size_t used_ = 0;  ///< of texts_
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

}  // namespace agora::sql::postgresql
