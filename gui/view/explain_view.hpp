// "Where does this number come from": a menu of the report's figures above the tree of the chosen one.
#pragma once

#include "gui/model/explain_model.hpp"
#include "gui/view/run_view.hpp"

class QComboBox;
class QTreeView;

namespace orrery::gui {

class ExplainView : public RunView {
  Q_OBJECT

 public:
  explicit ExplainView(QWidget* parent = nullptr);

  /// Explains the same figure of the new run.
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  /// Shows a figure, with the parts whose title contains `focus` selected and in view.
  void explain(const QString& metric, const QString& focus = {});
  [[nodiscard]] QString metric() const;
  [[nodiscard]] ExplainModel& model() { return *model_; }

 private:
  ExplainModel* model_ = nullptr;
  QComboBox* choice_ = nullptr;
  QTreeView* tree_ = nullptr;
  RunPtr run_;
};

}  // namespace orrery::gui
