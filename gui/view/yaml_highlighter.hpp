// Colours for YAML: keys, strings, numbers with their units, switches, comments.
//
// A line is read by itself: scenarios have no values over several lines but lists and block text, whose lines read well
// enough alone. Colours are chosen for a contrast of at least 4.5 with the palette's ground, light and dark.
#pragma once

#include <array>

#include <QPalette>
#include <QSyntaxHighlighter>
#include <QTextCharFormat>

namespace orrery::gui {

enum class YamlPart : std::uint8_t { key, string, number, word, comment, punctuation };

class YamlHighlighter : public QSyntaxHighlighter {
  Q_OBJECT

 public:
  static constexpr std::size_t kParts = static_cast<std::size_t>(YamlPart::punctuation) + 1;

  YamlHighlighter(QTextDocument* document, const QPalette& palette);
  void set_palette(const QPalette& palette);
  [[nodiscard]] static QColor color(YamlPart part, const QPalette& palette);

 protected:
  void highlightBlock(const QString& text) override;

 private:
  void mark(qsizetype begin, qsizetype end, YamlPart part);
  void mark_value(const QString& text, qsizetype begin, qsizetype end);

  std::array<QTextCharFormat, kParts> formats_;
};

}  // namespace orrery::gui
