// A message to the user above everything else, until it is closed or another comes. It never takes the focus.
#pragma once

#include <QFrame>

class QLabel;

namespace orrery::gui {

class MessageBar : public QFrame {
  Q_OBJECT

 public:
  explicit MessageBar(QWidget* parent = nullptr);
  void show_message(const QString& text);
  [[nodiscard]] QString message() const;

 private:
  QLabel* label_ = nullptr;
};

}  // namespace orrery::gui
