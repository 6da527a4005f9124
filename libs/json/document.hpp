#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace agora::json {

/// Deepest nesting of arrays and objects.
inline constexpr std::size_t kDepthMax = 32;
/// Most values in one text, keys not counted; a node costs 24 bytes.
inline constexpr std::size_t kValuesMax = 20'000;

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

class Document;

/// A value of a Document. A view; valid as long as its document.
class Node {
 public:
  Node(const Document& document, std::uint32_t index) : document_(&document), index_(index) {}

  Kind kind() const;
  bool boolean() const;
  /// A string unescaped, or a number as it was written.
  std::string_view text() const;
  /// Whether the string holds U+0000, which PostgreSQL refuses and SQLite stores.
  bool has_null_character() const;
  /// The member name, of a value in an object.
  std::string_view key() const;

  /// Children of an array or object, in order: `for (auto child = node.first(); child; child = child->next())`.
  std::optional<Node> first() const;
  std::optional<Node> next() const;
  /// The member of an object by name; none when there is no such member, or this is no object.
  std::optional<Node> member(std::string_view name) const;

 private:
  const Document* document_;
  std::uint32_t index_;
};

/// A parsed JSON text (RFC 8259): numbers keep their text, member names are unique, strings are valid UTF-8.
/// Values stand in one array in the order they were written, their texts in one string. Immutable.
class Document {
 public:
  /// "No", all Errc::invalid_argument: `malformed_json`, `too_deep`, `too_many_values`, `duplicate_key`. `values_max`:
  /// more than a client may send, for what our own services send each other.
  static Result<Document> parse(std::string_view text, std::size_t values_max = kValuesMax);

  Node root() const { return {*this, 0}; }

 private:
  friend class Node;
  friend class Builder;

  struct Value {
    std::uint32_t text = 0;  ///< offset into texts_
    std::uint32_t text_size = 0;
    std::uint32_t key = 0;
    std::uint32_t key_size = 0;
    std::uint32_t next = 0;  ///< index after its last descendant
    bool last = false;       ///< no sibling follows
    Kind kind = Kind::null;
    bool flag = false;  ///< boolean: its value; string: holds U+0000
  };

  std::string_view slice(std::uint32_t at, std::uint32_t size) const { return {texts_.data() + at, size}; }

  std::vector<Value> values_;
  std::string texts_;
};

/// Appends the text of a value: its numbers as they were written, no blanks.
void append(std::string& out, const Node& node);

}  // namespace agora::json
