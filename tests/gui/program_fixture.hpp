// The program's window as a process of its own, without a display: its arguments, its words, its picture.
#pragma once

#include <QProcess>

#include "tests/gui/gui_fixture.hpp"
#include "tests/places.hpp"

namespace orrery::gui::testing {

class Screenshot : public ::testing::Test {
 protected:
  struct Outcome {
    int code = -1;
    std::string out, err;
    [[nodiscard]] std::ptrdiff_t error_lines() const { return std::count(err.begin(), err.end(), '\n'); }
  };

  void SetUp() override {
    ASSERT_TRUE(folder_.isValid());
    write(QStringLiteral("case.yaml"), small_training());
  }

  [[nodiscard]] QString path(const QString& name) const { return folder_.filePath(name); }
  void write(const QString& name, const std::string& bytes) const {
    std::ofstream(path(name).toStdString(), std::ios::binary) << bytes;
  }

  [[nodiscard]] Outcome run(const QStringList& arguments) const {
    QProcess program;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
    environment.insert(QStringLiteral("XDG_CONFIG_HOME"), path(QStringLiteral("settings")));
    program.setProcessEnvironment(environment);
    program.setWorkingDirectory(folder_.path());
    program.start(QString::fromStdString(orrery::tests::gui_program()), arguments);
    if (!program.waitForFinished(2 * kPatience)) {
      program.kill();
      program.waitForFinished();
      ADD_FAILURE() << "it does not end: " << arguments.join(u' ').toStdString();
      return {};
    }
    return {program.exitStatus() == QProcess::NormalExit ? program.exitCode() : -1,
            program.readAllStandardOutput().toStdString(), program.readAllStandardError().toStdString()};
  }

  /// Draws `arguments` (with a FILE) into `name` at 1600x1000; null if it fails.
  [[nodiscard]] QImage draw(const QString& name, const QStringList& arguments,
                            const QString& size = QStringLiteral("1600x1000")) const {
    const Outcome outcome =
        run(QStringList{QStringLiteral("--screenshot"), path(name), QStringLiteral("--size"), size} + arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return QImage(path(name));
  }
  [[nodiscard]] QString scenario() const { return path(QStringLiteral("case.yaml")); }

  /// Bad arguments: exit code 2, one line that holds `word`, and no picture.
  void expect_refused(const QStringList& arguments, const std::string& word) const {
    SCOPED_TRACE(arguments.join(u' ').toStdString());
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
    EXPECT_FALSE(QFileInfo::exists(path(QStringLiteral("out.png"))));
  }

  QTemporaryDir folder_;
};

}  // namespace orrery::gui::testing
