#include "gui/view/yaml_highlighter.hpp"

#include <algorithm>

#include "gui/look/theme.hpp"

namespace orrery::gui {

namespace {

bool is_space(QChar c) { return c == QLatin1Char(' ') || c == QLatin1Char('\t'); }
bool is_bracket(QChar c) { return QStringView(u"{}[],").contains(c); }

/// After the quoted string that begins at `begin`; the end of the line if it is not closed.
qsizetype end_of_quoted(const QString& text, qsizetype begin) {
  const QChar quote = text[begin];
  qsizetype at = begin + 1;
  for (; at < text.size() && text[at] != quote; ++at) {
    if (quote == QLatin1Char('"') && text[at] == QLatin1Char('\\')) ++at;
  }
  return std::min(at + 1, text.size());
}

/// After the plain scalar that begins at `begin`: a colon with a space, a comment or (within brackets) a bracket ends
/// it.
qsizetype end_of_plain(const QString& text, qsizetype begin, bool in_flow) {
  qsizetype at = begin;
  for (; at < text.size(); ++at) {
    const bool ends_word = at + 1 == text.size() || is_space(text[at + 1]);
    if (text[at] == QLatin1Char(':') && (ends_word || (in_flow && is_bracket(text[at + 1])))) break;
    if (text[at] == QLatin1Char('#') && at > 0 && is_space(text[at - 1])) break;
    if (in_flow && is_bracket(text[at])) break;
  }
  while (at > begin && is_space(text[at - 1])) --at;
  return at;
}

}  // namespace

YamlHighlighter::YamlHighlighter(QTextDocument* document, const QPalette& palette) : QSyntaxHighlighter(document) {
  set_palette(palette);
}

QColor YamlHighlighter::color(YamlPart part, const QPalette& palette) {
  const bool dark = is_dark(palette);
  switch (part) {
    case YamlPart::key:
      return dark ? QColor(0x7c, 0xb7, 0xff) : QColor(0x0b, 0x57, 0xa8);
    case YamlPart::string:
      return dark ? QColor(0x8f, 0xd1, 0x8f) : QColor(0x1f, 0x6f, 0x2f);
    case YamlPart::number:
      return dark ? QColor(0xf0, 0xb3, 0x72) : QColor(0x9c, 0x4a, 0x00);
    case YamlPart::word:
      return dark ? QColor(0xd3, 0xa6, 0xf2) : QColor(0x79, 0x2d, 0xa8);
    case YamlPart::comment:
      return palette.color(QPalette::PlaceholderText);
    case YamlPart::punctuation:
      break;
  }
  return palette.color(QPalette::Text);
}

void YamlHighlighter::set_palette(const QPalette& palette) {
  for (std::size_t i = 0; i < kParts; ++i) formats_.at(i).setForeground(color(static_cast<YamlPart>(i), palette));
  formats_.at(static_cast<std::size_t>(YamlPart::comment)).setFontItalic(true);
  if (document() != nullptr) rehighlight();
}

void YamlHighlighter::mark(qsizetype begin, qsizetype end, YamlPart part) {
  setFormat(static_cast<int>(begin), static_cast<int>(end - begin), formats_.at(static_cast<std::size_t>(part)));
}

void YamlHighlighter::mark_value(const QString& text, qsizetype begin, qsizetype end) {
  const QStringView value = QStringView(text).mid(begin, end - begin);
  const QChar first = value.front();
  const bool is_signed = value.size() > 1 && QStringView(u"+-.").contains(first) && value[1].isDigit();
  if (first.isDigit() || is_signed) {
    // With its unit: "80 GiB". A name that begins with a digit, or a date, is none.
    const auto last = std::find_if(value.begin(), value.end(), is_space);
    bool is_number = false;
    static_cast<void>(QString(value.begin(), last - value.begin()).remove(QLatin1Char('_')).toDouble(&is_number));
    if (is_number) mark(begin, end, YamlPart::number);
    return;
  }
  for (const QStringView word : {u"true", u"false", u"null", u"~", u"yes", u"no", u"on", u"off"}) {
    if (value.compare(word, Qt::CaseInsensitive) == 0) mark(begin, end, YamlPart::word);
  }
}

void YamlHighlighter::highlightBlock(const QString& text) {
  int depth = 0;
  qsizetype at = 0;
  while (at < text.size()) {
    const QChar c = text[at];
    if (is_space(c)) {
      ++at;
    } else if (c == QLatin1Char('#') && (at == 0 || is_space(text[at - 1]))) {
      mark(at, text.size(), YamlPart::comment);
      return;
    } else if (QStringView(u"{}[]").contains(c)) {
      depth += c == QLatin1Char('{') || c == QLatin1Char('[') ? 1 : -1;
      ++at;
    } else if (c == QLatin1Char(',') || c == QLatin1Char(':')) {
      ++at;
    } else if (c == QLatin1Char('-') && (at + 1 == text.size() || is_space(text[at + 1]))) {
      ++at;
    } else {
      const bool quoted = c == QLatin1Char('"') || c == QLatin1Char('\'');
      const qsizetype end = quoted ? end_of_quoted(text, at) : std::max(end_of_plain(text, at, depth > 0), at + 1);
      qsizetype next = end;
      while (next < text.size() && is_space(text[next])) ++next;
      const bool is_key = next < text.size() && text[next] == QLatin1Char(':');
      if (is_key) {
        mark(at, end, YamlPart::key);
      } else if (quoted) {
        mark(at, end, YamlPart::string);
      } else {
        mark_value(text, at, end);
      }
      at = end;
    }
  }
}

}  // namespace orrery::gui
