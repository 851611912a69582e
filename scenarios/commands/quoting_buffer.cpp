#include "scenarios/commands/quoting_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

std::uint8_t byte_of(char c) { return static_cast<std::uint8_t>(c); }

bool is_control(char c) { return (byte_of(c) < 0x20 && c != '\n' && c != '\t') || byte_of(c) == 0x7F; }

/// Characters of two and three bytes that are escaped begin so: C1 controls, and U+2028 to U+202E and U+2066 to U+2069,
/// which break lines and change their direction.
bool may_be_escaped(std::string_view begin) {
  if (begin == "\xC2" || begin == "\xE2") return true;
  return begin == "\xE2\x80" || begin == "\xE2\x81";
}

/// Bytes of the character that begins so.
std::size_t size_of(char first) { return first == '\xC2' ? 2 : 3; }

bool is_escaped(std::uint32_t point) {
  return (point >= 0x80 && point < 0xA0) || (point >= 0x2028 && point <= 0x202E) ||
         (point >= 0x2066 && point <= 0x2069);
}

/// Of a whole character of two or three bytes.
std::uint32_t code_point(std::string_view bytes) {
  const auto low = [&](std::size_t i) { return static_cast<std::uint32_t>(byte_of(bytes[i]) & 0x3F); };
  return bytes.size() == 2 ? ((byte_of(bytes[0]) & 0x1Fu) << 6) | low(1)
                           : ((byte_of(bytes[0]) & 0x0Fu) << 12) | (low(1) << 6) | low(2);
}

bool write(std::streambuf& target, std::string_view text) {
  const auto size = static_cast<std::streamsize>(text.size());
  return target.sputn(text.data(), size) == size;
}

}  // namespace

bool QuotingBuffer::flush_pending() {
  const bool well = write(*target_, pending_);
  pending_.clear();
  return well;
}

bool QuotingBuffer::put(char byte) {
  if (!pending_.empty()) {
    if ((byte_of(byte) & 0xC0) == 0x80) {
      pending_ += byte;
      if (may_be_escaped(pending_)) return true;
      if (pending_.size() < size_of(pending_.front())) return flush_pending();
      const std::uint32_t point = code_point(pending_);
      if (!is_escaped(point)) return flush_pending();
      pending_.clear();
      return write(*target_, fmt::format("\\u{:04x}", point));
    }
    if (!flush_pending()) return false;
  }
  if (byte == '\xC2' || byte == '\xE2') {
    pending_ = byte;
    return true;
  }
  if (is_control(byte)) return write(*target_, fmt::format("\\u{:04x}", byte_of(byte)));
  return target_->sputc(byte) != traits_type::eof();
}

QuotingBuffer::int_type QuotingBuffer::overflow(int_type byte) {
  if (traits_type::eq_int_type(byte, traits_type::eof())) return traits_type::not_eof(byte);
  return put(traits_type::to_char_type(byte)) ? byte : traits_type::eof();
}

std::streamsize QuotingBuffer::xsputn(const char* text, std::streamsize size) {
  std::streamsize done = 0;
  while (done < size) {
    // Plain text, nearly always all of it, goes in one piece.
    std::streamsize plain = done;
    while (plain < size && pending_.empty() && text[plain] != '\xC2' && text[plain] != '\xE2' &&
           !is_control(text[plain])) {
      ++plain;
    }
    if (plain > done) {
      if (target_->sputn(text + done, plain - done) != plain - done) return done;
      done = plain;
    } else if (put(text[done])) {
      ++done;
    } else {
      return done;
    }
  }
  return done;
}

int QuotingBuffer::sync() { return flush_pending() && target_->pubsync() == 0 ? 0 : -1; }

}  // namespace orrery::scenarios
