#include "libs/json/document.hpp"

#include <algorithm>

#include <boost/json/basic_parser_impl.hpp>

#include "libs/json/writer.hpp"

namespace agora::json {
namespace {

namespace bj = boost::json;

Error malformed(std::string code, std::string message) {
  return Error{Errc::invalid_argument, std::move(code), std::move(message)};
}

}  // namespace

/// Takes the parser's events and fills a document.
class Builder {
 public:
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;

  using error_code = bj::error_code;
  using string_view = bj::string_view;

  Document document;
  std::size_t values_max = kValuesMax;
  bool duplicate_key = false;
  bool too_many_values = false;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_array_begin(error_code& ec) { return open(Kind::array, ec); }
  bool on_array_end(std::size_t, error_code&) {
    close();
    return true;
  }
  bool on_object_begin(error_code& ec) { return open(Kind::object, ec); }
  bool on_object_end(std::size_t n, error_code& ec) {
    const auto object = open_.back();
    close();
    if (n < 2 || keys_are_unique(object)) return true;
    duplicate_key = true;
    return stop(ec);
  }

  bool on_key_part(string_view s, std::size_t, error_code&) { return append(s); }
  bool on_key(string_view s, std::size_t, error_code&) {
    append(s);
    key_ = text_from_;
    key_size_ = static_cast<std::uint32_t>(document.texts_.size()) - text_from_;
    text_from_ = static_cast<std::uint32_t>(document.texts_.size());
    return true;
  }

  bool on_string_part(string_view s, std::size_t, error_code&) { return append(s); }
  bool on_string(string_view s, std::size_t, error_code& ec) {
    append(s);
    return add(Kind::string, pending_text().find('\0') != std::string_view::npos, ec);
  }
  bool on_number_part(string_view s, error_code&) { return append(s); }
  bool on_int64(std::int64_t, string_view s, error_code& ec) { return number(s, ec); }
  bool on_uint64(std::uint64_t, string_view s, error_code& ec) { return number(s, ec); }
  bool on_double(double, string_view s, error_code& ec) { return number(s, ec); }
  bool on_bool(bool b, error_code& ec) { return add(Kind::boolean, b, ec); }
  bool on_null(error_code& ec) { return add(Kind::null, false, ec); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  bool append(string_view s) {
    document.texts_.append(s.data(), s.size());
    return true;
  }

  std::string_view pending_text() const { return std::string_view(document.texts_).substr(text_from_); }

  bool number(string_view s, error_code& ec) {
    append(s);
    return add(Kind::number, false, ec);
  }

  bool add(Kind kind, bool flag, error_code& ec) {
    if (document.values_.size() == values_max) {
      too_many_values = true;
      return stop(ec);
    }
    const auto end = static_cast<std::uint32_t>(document.texts_.size());
    const auto index = static_cast<std::uint32_t>(document.values_.size());
    document.values_.push_back({text_from_, end - text_from_, key_, key_size_, index + 1, true, kind, flag});
    text_from_ = end;
    key_size_ = 0;
    if (!open_.empty()) {
      auto& last_child = last_child_.back();
      if (last_child != kNone) document.values_[last_child].last = false;
      last_child = index;
    }
    return true;
  }

  bool open(Kind kind, error_code& ec) {
    if (!add(kind, false, ec)) return false;
    open_.push_back(static_cast<std::uint32_t>(document.values_.size() - 1));
    last_child_.push_back(kNone);
    return true;
  }

  void close() {
    document.values_[open_.back()].next = static_cast<std::uint32_t>(document.values_.size());
    open_.pop_back();
    last_child_.pop_back();
  }

  bool keys_are_unique(std::uint32_t object) const {
    std::vector<std::string_view> keys;
    for (auto child = object + 1; child < document.values_[object].next; child = document.values_[child].next) {
      const auto& value = document.values_[child];
      keys.push_back(document.slice(value.key, value.key_size));
    }
    std::sort(keys.begin(), keys.end());
    return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
  }

  /// Any error makes the parser return; which one it was is in the flags.
  static bool stop(error_code& ec) {
    ec = bj::error::exception;
    return false;
  }

  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::vector<std::uint32_t> open_;
  std::vector<std::uint32_t> last_child_;
  std::uint32_t text_from_ = 0;
  std::uint32_t key_ = 0;
  std::uint32_t key_size_ = 0;
};

Result<Document> Document::parse(std::string_view text, std::size_t values_max) {
  bj::parse_options options;
  options.max_depth = kDepthMax;
  bj::basic_parser<Builder> parser(options);
  auto& builder = parser.handler();
  builder.values_max = values_max;
  builder.document.values_.reserve(std::min<std::size_t>(values_max, 8 + text.size() / 16));
  builder.document.texts_.reserve(text.size());

  bj::error_code ec;
  const auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (builder.duplicate_key) return malformed("duplicate_key", "A member name stands twice in one object.");
  if (builder.too_many_values) return malformed("too_many_values", "The document has too many values.");
  if (ec == bj::error::too_deep) return malformed("too_deep", "The document is nested too deeply.");
  // Well-formed, but no number that anything here could mean.
  if (ec == bj::error::exponent_overflow) {
    return Error{Errc::invalid_argument,
                 "validation_failed",
                 "A number's exponent is out of range.",
                 {{"", "exponent", "must have no such exponent"}}};
  }
  if (ec) return malformed("malformed_json", "The body is not well-formed JSON.");
  if (used != text.size()) return malformed("malformed_json", "Something follows the JSON document.");
  return std::move(builder.document);
}

Kind Node::kind() const {
  return document_->values_[index_].kind;
}
bool Node::boolean() const {
  return document_->values_[index_].flag;
}
bool Node::has_null_character() const {
  return kind() == Kind::string && document_->values_[index_].flag;
}

std::string_view Node::text() const {
  const auto& value = document_->values_[index_];
  return document_->slice(value.text, value.text_size);
}

std::string_view Node::key() const {
  const auto& value = document_->values_[index_];
  return document_->slice(value.key, value.key_size);
}

std::optional<Node> Node::first() const {
  if (document_->values_[index_].next == index_ + 1) return std::nullopt;
  return Node(*document_, index_ + 1);
}

std::optional<Node> Node::next() const {
  const auto& value = document_->values_[index_];
  if (value.last) return std::nullopt;
  return Node(*document_, value.next);
}

std::optional<Node> Node::member(std::string_view name) const {
  if (kind() != Kind::object) return std::nullopt;
  for (auto child = first(); child; child = child->next()) {
    if (child->key() == name) return child;
  }
  return std::nullopt;
}

namespace {

void append_container(std::string& out, const Node& node, bool object) {
  out += object ? '{' : '[';
  bool first = true;
  for (auto child = node.first(); child; child = child->next()) {
    if (!first) out += ',';
    first = false;
    if (object) {
      Writer(out).value(child->key());
      out += ':';
    }
    append(out, *child);
  }
  out += object ? '}' : ']';
}

}  // namespace

void append(std::string& out, const Node& node) {
  switch (node.kind()) {
    case Kind::null:
      out += "null";
      break;
    case Kind::boolean:
      out += node.boolean() ? "true" : "false";
      break;
    case Kind::number:
      out += node.text();
      break;
    case Kind::string:
      Writer(out).value(node.text());
      break;
    case Kind::array:
    case Kind::object:
      append_container(out, node, node.kind() == Kind::object);
      break;
  }
}

}  // namespace agora::json
