// "Where does this number come from": a menu of the report's figures above the tree of the chosen one.
#pragma once

#include <QSet>
#include <QString>

#include "gui/model/explain_model.hpp"
#include "gui/run/run_view.hpp"

class QComboBox;
class QTreeView;

namespace orrery::gui {

class ExplainView : public RunView {
  Q_OBJECT

 public:
  explicit ExplainView(QWidget* parent = nullptr);

  /// Explains the same figure of the new run.
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  /// Goes back to the first figure.
  void forget() override;
  [[nodiscard]] std::string csv() const override;
  /// Shows a figure; `focus`: an operation of its plan ("forward: qkv"), or words of a part's title, which is then
  /// selected, opened and in view.
  void explain(const QString& metric, const QString& focus = {});
  [[nodiscard]] QString metric() const;
  [[nodiscard]] ExplainModel& model() { return *model_; }

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  using RunView::metric;  // of the paint device: metric() above is another

  void make_tree();
  void make_choice();
  void refresh();
  void fill_choice();
  void take_choice();
  void restore_expanded(const QSet<QString>& expanded, const QString& current);
  void select_focus();

  ExplainModel* model_ = nullptr;
  QComboBox* choice_ = nullptr;
  QTreeView* tree_ = nullptr;
  RunPtr run_;
  QString metric_, focus_;
  bool outdated_ = true;  ///< the tree is of another run or figure
  bool fresh_ = false;    ///< what is open in the tree is of another scenario
};

}  // namespace orrery::gui
