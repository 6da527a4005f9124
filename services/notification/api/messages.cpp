#include "services/notification/api/messages.hpp"

#include <array>
#include <kainjow/mustache.hpp>
#include <stdexcept>

#include "libs/json/document.hpp"

namespace agora::notification {
namespace {

namespace mustache = kainjow::mustache;

struct Template {
  std::string_view language;
  std::string_view kind;
  std::string_view subject;
  std::string_view text;
  std::string_view html;
};
#include "templates.inc"

constexpr std::string_view kDefaultLanguage = "en";

const Template* find_template(std::string_view language, std::string_view kind) {
  for (const auto& one : kTemplates) {
    if (one.language == language && one.kind == kind) return &one;
  }
  return nullptr;
}

/// What users wrote, on one line: a title must not be able to look like another line of ours.
std::string plain(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

mustache::data to_data(const json::Node& node) {
  switch (node.kind()) {
    case json::Kind::object: {
      mustache::data object{mustache::data::type::object};
      for (auto child = node.first(); child; child = child->next()) {
        object.set(std::string(child->key()), to_data(*child));
      }
      return object;
    }
    case json::Kind::array: {
      mustache::data list{mustache::data::type::list};
      for (auto child = node.first(); child; child = child->next()) list.push_back(to_data(*child));
      return list;
    }
    case json::Kind::boolean:
      return mustache::data{node.boolean()};
    case json::Kind::null:
      return mustache::data{false};
    case json::Kind::number:
    case json::Kind::string:
      break;
  }
  return mustache::data{plain(node.text())};
}

enum class Escape { none, html };

std::string fill(std::string_view text, const mustache::data& data, Escape escape) {
  mustache::mustache parsed{std::string(text)};
  if (!parsed.is_valid()) throw std::logic_error("template: " + parsed.error_message());
  if (escape == Escape::none) parsed.set_custom_escape([](const std::string& value) { return value; });
  return parsed.render(data);
}

}  // namespace

Words words_of(Kind kind, std::string_view locale, std::string_view data, std::string_view name,
               const std::vector<std::string>& address) {
  const auto* found = find_template(locale.substr(0, 2), to_string(kind));
  if (found == nullptr) found = find_template(kDefaultLanguage, to_string(kind));
  const auto document = json::Document::parse(data).value();
  auto values = to_data(document.root());
  values.set("name", name.empty() ? mustache::data{false} : mustache::data{plain(name)});
  mustache::data lines{mustache::data::type::list};
  for (const auto& line : address) lines.push_back(mustache::data{plain(line)});
  values.set("has_address", mustache::data{!address.empty()});
  values.set("address", lines);
  return {fill(found->subject, values, Escape::none), fill(found->text, values, Escape::none),
          fill(found->html, values, Escape::html)};
}

}  // namespace agora::notification
