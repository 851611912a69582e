// The welcome page: a model, GPUs and a goal lead to an answer, as `orrery ask` gives it, and to the scenario that it
// is.
//
// Fields come from scenarios::ask_kinds(); an empty one shows what holds without it. Object names: ask_<field>,
// ask_kinds, ask_start, ask_cancel, ask_problem, ask_back, and those of the answer.
#pragma once

#include <QWidget>

#include "gui/run/inquiry.hpp"

class QGridLayout;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QScrollArea;
class QTabBar;
class QVBoxLayout;

namespace orrery::gui {

class AnswerView;

class AskView : public QWidget {
  Q_OBJECT

 public:
  explicit AskView(QWidget* parent = nullptr);

  [[nodiscard]] Inquiry& inquiry() { return inquiry_; }
  [[nodiscard]] AnswerView& answer() { return *answer_; }
  void choose_kind(int row);
  /// There are results to go back to.
  void set_can_leave(bool can);

 signals:
  /// The answer's scenario is to become the document; `save`: and a file.
  void open_requested(const QString& scenario, bool save);
  void leave_requested();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  struct FieldEdit {
    std::string scenarios::AskWords::*word;
    QLineEdit* edit;
  };

  void make_question(QVBoxLayout& layout);
  void make_controls(QVBoxLayout& layout);
  void fill_form();
  QLineEdit* make_edit(const scenarios::AskField& field);
  void keep_words();
  void ask();
  void show_busy(bool busy);
  void show_reply(const ReplyPtr& reply);
  void show_problem(const QString& message);
  void color();
  [[nodiscard]] const scenarios::AskKind& kind() const;

  Inquiry inquiry_;
  scenarios::AskWords words_;  ///< kept from kind to kind
  std::vector<FieldEdit> edits_;
  QScrollArea* scroll_ = nullptr;
  QTabBar* kinds_ = nullptr;
  QWidget* form_ = nullptr;
  AnswerView* answer_ = nullptr;
  QGridLayout* grid_ = nullptr;
  QLabel *summary_ = nullptr, *problem_ = nullptr;
  QProgressBar* progress_ = nullptr;
  QPushButton *start_ = nullptr, *cancel_ = nullptr, *back_ = nullptr;
};

}  // namespace orrery::gui
