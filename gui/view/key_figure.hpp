// The key figures of a run in large type, each with its change: what one looks at first after an edit. A figure is a
// button: it asks where the number comes from.
#pragma once

#include <vector>

#include <QAbstractButton>

#include "gui/run/run.hpp"

namespace orrery::gui {

class KeyFigure : public QAbstractButton {
  Q_OBJECT

 public:
  struct Text {
    QString metric;        ///< that explains it
    QString title;         ///< "step time"
    QString value, unit;   ///< "12.66", "s"
    QString change, note;  ///< "▼ −3.1 %"; a second figure: "p50 31.20 ms"
    QString details;       ///< tooltip
    int verdict = 0;
    bool alarm = false;  ///< the value itself is bad news: it does not fit
  };

  explicit KeyFigure(QWidget* parent = nullptr);
  void set_text(const Text& text);
  [[nodiscard]] const Text& figure() const { return text_; }
  void set_dimmed(bool dimmed);

  /// As wide as its texts.
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  struct Fonts;
  [[nodiscard]] Fonts fonts() const;
  void paint_value(QPainter& painter, const Fonts& fonts, const QRect& area) const;

  Text text_;
  bool dimmed_ = false;
};

/// What stands beside the key figures because they are not to be taken alone.
struct RunRemark {
  QString kind;     ///< "out_of_memory", as the finding; "idle"
  QString text;     ///< one line
  QString details;  ///< tooltip
  bool alarm = false;
};
/// Memory that does not suffice, promises that are not held, GPUs that no job uses.
[[nodiscard]] std::vector<RunRemark> run_remarks(const RunPtr& run);

/// The key figures of a run, the most important first; none for a run without figures.
[[nodiscard]] std::vector<KeyFigure::Text> key_figures(const RunPtr& current, const RunPtr& previous);

}  // namespace orrery::gui
