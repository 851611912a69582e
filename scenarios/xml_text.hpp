// XML that other programs wrote, with every complaint at its line and column.
#pragma once

#include <cstddef>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "hardware/config/config.hpp"

namespace orrery::scenarios {

/// A text and its document. Refers to the text and the file's name, which must outlive it.
class XmlText {
 public:
  /// Throws hardware::ConfigError: no XML, or a document type, whose entities could unfold without end.
  XmlText(std::string_view text, const std::string& file);

  /// The root element of that name; throws where it is another.
  [[nodiscard]] pugi::xml_node root(const char* name, const char* what) const;

  [[nodiscard]] hardware::SourceSpan place_of(const pugi::xml_node& node) const;
  [[noreturn]] void refuse(const pugi::xml_node& node, const std::string& what) const;
  [[noreturn]] void refuse_at(std::ptrdiff_t offset, const std::string& what) const;

  /// An attribute from 0 to `most`; a unit may stand behind a blank ("32.0 GT/s PCIe"). Throws where it is none.
  [[nodiscard]] double number(const pugi::xml_node& node, const char* attribute, double most) const;
  [[nodiscard]] int count(const pugi::xml_node& node, const char* attribute, int most) const;

 private:
  std::string_view text_;
  const std::string& file_;
  pugi::xml_document document_;
};

}  // namespace orrery::scenarios
