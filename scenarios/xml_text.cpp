#include "scenarios/xml_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"

namespace orrery::scenarios {
namespace {

using hardware::ConfigError;
using hardware::SourceSpan;

SourceSpan place_in(std::string_view text, std::ptrdiff_t offset) {
  const std::string_view before = text.substr(0, static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, offset)));
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {line, static_cast<int>(before.size() - begin) + 1};
}

}  // namespace

XmlText::XmlText(std::string_view text, const std::string& file) : text_(text), file_(file) {
  if (const std::size_t type = text.find("<!DOCTYPE"); type != std::string_view::npos) {
    refuse_at(static_cast<std::ptrdiff_t>(type), "a document type is not read: NCCL writes none");
  }
  const pugi::xml_parse_result result = document_.load_buffer(text.data(), text.size(), pugi::parse_minimal);
  if (!result) refuse_at(result.offset, fmt::format("no XML: {}", result.description()));
}

pugi::xml_node XmlText::root(const char* name, const char* what) const {
  const pugi::xml_node node = document_.child(name);
  if (!node) refuse_at(0, fmt::format("no <{}>: not {}", name, what));
  if (const pugi::xml_node second = node.next_sibling(name)) {
    refuse(second, fmt::format("a second <{}>: one machine is read at a time", name));
  }
  return node;
}

SourceSpan XmlText::place_of(const pugi::xml_node& node) const { return place_in(text_, node.offset_debug()); }

void XmlText::refuse(const pugi::xml_node& node, const std::string& what) const {
  throw ConfigError({{file_, place_of(node), what}});
}

void XmlText::refuse_at(std::ptrdiff_t offset, const std::string& what) const {
  throw ConfigError({{file_, place_in(text_, offset), what}});
}

double XmlText::number(const pugi::xml_node& node, const char* attribute, double most) const {
  const std::string_view value = node.attribute(attribute).value();
  double out = 0.0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  const bool whole = end == value.data() + value.size() || *end == ' ';
  if (value.empty() || error != std::errc{} || !whole || !std::isfinite(out) || out < 0.0 || out > most) {
    refuse(node, fmt::format("<{}>: {}=\"{}\" is no number from 0 to {:g}", node.name(), attribute,
                             hardware::printable(value, 40), most));
  }
  return out;
}

int XmlText::count(const pugi::xml_node& node, const char* attribute, int most) const {
  const double value = number(node, attribute, most);
  if (value != std::floor(value)) {
    refuse(node, fmt::format("<{}>: {}=\"{:g}\" is no whole number", node.name(), attribute, value));
  }
  return static_cast<int>(value);
}

}  // namespace orrery::scenarios
