// The list of what is wrong with the text; activating a row goes there. Hidden while there is nothing.
#pragma once

#include <vector>

#include <QWidget>

#include "hardware/config/config.hpp"

class QListWidget;

namespace orrery::gui {

class ProblemsView : public QWidget {
  Q_OBJECT

 public:
  explicit ProblemsView(QWidget* parent = nullptr);
  void set_problems(const std::vector<hardware::Diagnostic>& problems);
  /// How many problems there are.
  [[nodiscard]] int count() const;

 signals:
  void go_to_requested(int line, int column);

 private:
  QListWidget* list_ = nullptr;
  int count_ = 0;
};

}  // namespace orrery::gui
