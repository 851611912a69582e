// Between Qt's texts and the library's UTF-8.
#pragma once

#include <exception>
#include <string_view>

#include <QByteArray>
#include <QString>
#include <QTextDocument>

namespace orrery::gui {

[[nodiscard]] inline QString to_qstring(std::string_view text) {
  return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

/// With a capital first letter.
[[nodiscard]] inline QString capital(std::string_view text) {
  QString result = to_qstring(text);
  if (!result.isEmpty()) result[0] = result[0].toUpper();
  return result;
}

[[nodiscard]] inline QString message_of(const std::exception& error) { return QString::fromUtf8(error.what()); }

/// For a tooltip: what a file says is never markup, which Qt would look for in it.
[[nodiscard]] inline QString plain_tip(const QString& text) {
  return Qt::mightBeRichText(text) ? Qt::convertFromPlainText(text, Qt::WhiteSpaceNormal) : text;
}

/// A view of the bytes; valid as long as they are.
[[nodiscard]] inline std::string_view view_of(const QByteArray& bytes) {
  return {bytes.constData(), static_cast<std::size_t>(bytes.size())};
}

}  // namespace orrery::gui
