// orrery ask KIND: a question on the command line, its answer, and the scenario that the answer is.

#include <ostream>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/ask/control.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"
#include "scenarios/output.hpp"
#include "sim/run_control.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

void check_save(const Options& options) {
  if (options.save.empty()) return;
  check_new(options.save, options.force);
  check_writable(options.save);
  if (!options.json.empty() && same_file(options.save, options.json)) {
    throw ConfigError(fmt::format("{}: two outputs can't go to the same place", hardware::quoted_path(options.save)));
  }
}

}  // namespace

int ask_question(const Options& options, Console& console) {
  check_outputs(options);
  check_save(options);
  AskReply reply;
  try {
    reply = options.ask_kind->ask(options.ask, {options.ask_jobs, options.quiet, console, {}});
  } catch (const sim::Cancelled&) {  // before there was anything to say
    return interrupted_alone(options, console);
  }
  const bool partial = console.stopped();
  if (!options.quiet && !writes_to_standard_output(options) && !partial) {
    write_answer(console.out, reply.words, reply.answer.scenario);
  }
  emit(options.json, reply.json, partial, console);
  if (partial) {
    console.err << "interrupted: not every plan was tried\n";
    return kExitInterrupted;
  }
  if (!options.save.empty() && !reply.answer.scenario.empty()) write_output(options.save, reply.answer.scenario);
  return reply.answer.holds() ? kExitWell : kExitFinding;
}

}  // namespace orrery::scenarios
