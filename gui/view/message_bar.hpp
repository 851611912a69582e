// A message to the user above everything else, until it is closed or another comes. It never takes the focus.
#pragma once

#include <QFrame>
#include <QString>

class QLabel;
class QToolButton;

namespace orrery::gui {

class MessageBar : public QFrame {
  Q_OBJECT

 public:
  explicit MessageBar(QWidget* parent = nullptr);
  /// An empty text closes the bar. More than four lines are cut short; the tooltip has them all.
  void show_message(const QString& text);
  /// The whole of the last message, also after it was closed.
  [[nodiscard]] QString message() const;

 protected:
  bool event(QEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void color();
  void fit();

  QLabel* label_ = nullptr;
  QToolButton* close_ = nullptr;
  QString message_;
};

}  // namespace orrery::gui
