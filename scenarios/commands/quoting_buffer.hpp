// What a terminal would obey is written out instead: no text from a file can move the cursor, set a title or turn lines
// around.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace orrery::scenarios {

/// Passes UTF-8 on to `target`, with control characters (but line feed and tab), DEL, C1 controls and the characters
/// that change the direction of writing as "\u001b". The same escape is valid in JSON strings, where such characters
/// stand for themselves. Bytes that are no UTF-8 pass as they are.
class QuotingBuffer final : public std::streambuf {
 public:
  explicit QuotingBuffer(std::streambuf* target) : target_(target) {}

 protected:
  int_type overflow(int_type byte) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  bool put(char byte);
  bool flush_pending();

  std::streambuf* target_;
  std::string pending_;  ///< the begin of a character that may need an escape
};

}  // namespace orrery::scenarios
