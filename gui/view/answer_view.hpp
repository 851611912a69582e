// The answer to a question: what holds, what it rests on, the plans that were tried, and the way to its scenario.
// Object names: ask_headline, ask_about, ask_facts, ask_plans, ask_open, ask_save.
#pragma once

#include <QWidget>

#include "gui/run/inquiry.hpp"

class QLabel;
class QPushButton;
class QTreeWidget;

namespace orrery::gui {

class AnswerView : public QWidget {
  Q_OBJECT

 public:
  explicit AnswerView(QWidget* parent = nullptr);

  /// Null: there is none.
  void set_reply(const ReplyPtr& reply);
  [[nodiscard]] const ReplyPtr& reply() const { return reply_; }

 signals:
  /// The answer's scenario is to become the document; `save`: and a file.
  void open_requested(const QString& scenario, bool save);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void make_buttons();
  void fill_plans(const scenarios::AnswerWords& words);
  void color();

  ReplyPtr reply_;
  QLabel *headline_ = nullptr, *about_ = nullptr, *facts_ = nullptr;
  QPushButton *open_ = nullptr, *save_ = nullptr;
  QTreeWidget* plans_ = nullptr;
};

}  // namespace orrery::gui
